// One file, so that one Keycloak serves all of them: a start takes half a minute.
import './login-cases.ts'
import './logout-cases.ts'
import './refresh-cases.ts'
import './mistakes-cases.ts'
import './roles-cases.ts'
import './token-kinds-cases.ts'
