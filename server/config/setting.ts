/** One environment variable, as a deployer reads about it. */
export type Setting = {
  readonly group: SettingGroup
  /** One sentence. */
  readonly meaning: string
  readonly example: string
  /** In words where no text stands for it. */
  readonly default?: string
  /** Its value is never shown. */
  readonly secret?: true
  /** Read and checked, and without effect in this version. */
  readonly later?: true
}

export const settingGroups = {
  first: 'What a deployer sets first',
  provider: 'The identity provider',
  session: 'Sessions',
  redis: 'Redis',
  app: 'The app and the API',
  process: 'The process',
} as const

export type SettingGroup = keyof typeof settingGroups
