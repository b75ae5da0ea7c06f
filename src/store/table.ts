/** A table as the inserts see it: its name and the columns of one row, in the order in which rows are written. */
export interface Table {
  readonly name: string
  readonly columns: readonly string[]
}
