import { createHash, timingSafeEqual } from 'node:crypto'

export type DemoRole = 'orders-read' | 'orders-write' | 'admin'

export type DemoAccount = {
  readonly username: string
  readonly password: string
  readonly name: string
  readonly email: string
  readonly roles: readonly DemoRole[]
}

/** The people of the demo. Their passwords are public on purpose: the login form shows them. */
export const demoAccounts: readonly DemoAccount[] = [
  {
    username: 'alice',
    password: 'wonderland',
    name: 'Alice Archer',
    email: 'alice@demo.example',
    roles: ['orders-read', 'orders-write'],
  },
  {
    username: 'bob',
    password: 'builder',
    name: 'Bob Baker',
    email: 'bob@demo.example',
    roles: ['orders-read'],
  },
  {
    username: 'root',
    password: 'mountain',
    name: 'Robin Root',
    email: 'root@demo.example',
    roles: ['admin', 'orders-read', 'orders-write'],
  },
]

/** The account with this username, which is also its `sub`. */
export const findAccount = (username: string): DemoAccount | undefined =>
  demoAccounts.find((account) => account.username === username)

/** The account when username and password fit. */
export const signIn = (username: string, password: string): DemoAccount | undefined => {
  const account = findAccount(username.trim().toLowerCase())
  // A stranger's password is compared too, so that the time taken does not tell who exists.
  const fits = timingSafeEqual(sha256(account?.password ?? ''), sha256(password))
  return fits && account !== undefined ? account : undefined
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
