/**
 * Versions of the tables of a store.
 *
 * @property found the version that is there, counted from 1; 0 where nothing is there yet
 * @property newest the version that this package uses, and that opening the store brings it to
 */
export interface SchemaVersions {
  readonly found: number
  readonly newest: number
}
