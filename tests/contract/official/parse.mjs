// Runs the official AsyncAPI parser over one document: its diagnostics as JSON on stdout.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [folder, file] = process.argv.slice(2)
const { Parser } = createRequire(`${folder}/`)('@asyncapi/parser')
const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'))
const told = diagnostics.map(({ code, message, path, severity }) => ({ code, message, path, severity }))
console.log(JSON.stringify({ accepted: document !== undefined, diagnostics: told }))
