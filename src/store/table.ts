/** A table as the inserts see it: its name and the columns of one row, in the order in which rows are written. */
export interface Table {
  readonly name: string
  /**
   * By column name, the ClickHouse type that the value is written as. It may be simpler than the column's own: a
   * LowCardinality(String) is written as a String.
   */
  readonly columns: Readonly<Record<string, string>>
}
