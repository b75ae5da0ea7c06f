#!/usr/bin/env node
// The command line. The program itself is compiled from src/main.ts.
await import('../dist/src/main.js')
