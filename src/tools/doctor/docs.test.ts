import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { reasons } from '../../ingest/rejected.ts'
import { failures } from '../../ops/metrics.ts'

const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8')

interface Rules {
  readonly groups: readonly { rules: readonly { alert: string; annotations: { runbook_url: string } }[] }[]
}

describe('the runbook', () => {
  const text = read('docs/runbook.md')
  const anchors = new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  )

  it('has the section that each alert links to', () => {
    const { groups } = parse(read('deploy/prometheus/rules.yml')) as Rules
    const rules = groups.flatMap((group) => group.rules)
    assert.ok(rules.length > 0)
    for (const { alert, annotations } of rules) {
      assert.ok(anchors.has(annotations.runbook_url.replace('docs/runbook.md#', '')), alert)
    }
  })

  it('has a section for each reason for which a partition stops', () => {
    for (const failure of failures) assert.ok(anchors.has(`partition-failed-${failure}`), failure)
  })

  it('links to sections that there are', () => {
    for (const [, anchor] of text.matchAll(/\]\(#([\w-]+)\)/g)) assert.ok(anchors.has(anchor!), anchor)
  })
})

describe('the page on dead letters', () => {
  it('says of each reason what it means', () => {
    const rows = [...read('docs/dead-letters.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason)
    assert.deepEqual(rows, [...reasons])
  })
})
