/** What somebody does who can write the file, past this library. */
export async function changeDatabase(file: string, sql: string): Promise<void> {
  const { default: Database } = await import('libsql')
  const handle = new Database(file)
  handle.exec(sql)
  handle.close()
}
