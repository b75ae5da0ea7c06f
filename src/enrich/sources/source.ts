import type { ReferrerClass } from '../enrichment.ts'

/**
 * A known source of visits: name, hosts, and for search engines the query parameters that hold the search.
 * A host stands for itself with and without `www.` or `m.`; a leading dot takes in all its subdomains; `*` is any
 * public suffix (`google.*` is google.com, google.co.jp …). The most specific host wins, so mail.google.com is mail.
 * Apps (`android-app://…`) are listed by their package. A word without a dot is what `utm_source` calls it, beside the
 * name itself.
 */
export type SourceEntry = readonly [name: string, hosts: string, termParameters?: string]

export interface Source {
  readonly class: ReferrerClass
  /** Empty where the kind of source is known and not its name. */
  readonly source: string
  readonly termParameters: readonly string[]
}
