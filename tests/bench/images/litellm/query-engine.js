'use strict';
// Copyright (c) 2026, llmfleet contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// Stand-in for Prisma 5.17.0's native `query-engine` (binary mode, GraphQL over HTTP), as
// prisma-client-py starts it. Runs Prisma's own query engine, in the WebAssembly build that the
// npm package @prisma/client ships, over `pg`; GraphQL requests are turned into its JSON protocol.
if (process.argv.includes('--version')) {
  console.log('query-engine 393aa359c9ad4a4bb28630fb5613f9c281cde053');
  process.exit(0);
}
process.title = 'query-engine';
const fs = require('fs');
const http = require('http');
const path = require('path');
const { parse } = require('graphql');
const { Pool, types: pgTypes } = require('pg');
const { PrismaPg } = require('@prisma/adapter-pg');
const { bindAdapter } = require('@prisma/driver-adapter-utils');

const arg = (...names) => {
  const i = process.argv.findIndex((a) => names.includes(a));
  return i < 0 ? undefined : process.argv[i + 1];
};
const port = Number(arg('-p', '--port') || 0);
const host = arg('--host') || '127.0.0.1';
const datamodel = process.env.PRISMA_DML
  ? Buffer.from(process.env.PRISMA_DML, 'base64').toString()
  : fs.readFileSync(process.env.PRISMA_DML_PATH, 'utf8');

// ---- which fields are Json, and which lead to another model
const models = {};
for (const [, name, body] of datamodel.matchAll(/^model\s+(\w+)\s*\{([\s\S]*?)^\}/gm)) {
  models[name] = {};
  for (const [, field, type] of body.matchAll(/^\s*(\w+)\s+(\w+)/gm)) models[name][field] = type;
}

// ---- connection
function databaseUrl() {
  const over = process.env.OVERWRITE_DATASOURCES && JSON.parse(process.env.OVERWRITE_DATASOURCES);
  if (over && over[0] && over[0].url) return over[0].url;
  const m = /^\s*url\s*=\s*(?:env\("(\w+)"\)|"([^"]+)")/m.exec(datamodel);
  return m[2] || process.env[m[1]];
}
function makePool() {
  const url = new URL(databaseUrl());
  const q = url.searchParams;
  const take = (k) => { const v = q.get(k); q.delete(k); return v; };
  const max = Number(take('connection_limit') || 10);
  const wait = Number(take('pool_timeout') || 10);
  const schema = take('schema') || undefined;
  for (const k of ['connect_timeout', 'socket_timeout', 'pgbouncer', 'statement_cache_size']) take(k);
  const pool = new Pool({
    connectionString: url.toString(),
    max: Math.min(max, Number(process.env.QE_MAX_CONNECTIONS || 20)),
    connectionTimeoutMillis: wait * 1000,
  });
  pool.on('error', (e) => console.error('query-engine: idle connection lost: ' + e.message));
  return { pool, schema };
}

// The adapter refuses built-in types that the native engine reads as text ("char", name, regclass, void, name[]).
const AS_TEXT = { 18: 25, 19: 25, 705: 25, 2205: 25, 2278: 25, 1003: 1009 };
pgTypes.setTypeParser(1003, pgTypes.getTypeParser(1009));
const queryable = Object.getPrototypeOf(PrismaPg.prototype);
const performIO = queryable.performIO;
let lost; // the last failure to reach the server, which the engine only reports as an "external connector" error
queryable.performIO = async function (q) {
  const res = await performIO.call(this, q).catch((e) => { lost = e; throw e; });
  if (res.ok) for (const f of res.value.fields || []) f.dataTypeID = AS_TEXT[f.dataTypeID] || f.dataTypeID;
  return res;
};

const startTransaction = PrismaPg.prototype.startTransaction;
PrismaPg.prototype.startTransaction = function () { return startTransaction.call(this).catch((e) => { lost = e; throw e; }); };
function unreachable(res) {
  const hit = (r) => /external connector/.test(JSON.stringify((r && (r.errors || r.message)) || ''));
  if (!hit(res)) return res;
  const u = new URL(databaseUrl());
  const message = `Can't reach database server at \`${u.hostname}:${u.port || 5432}\` (${lost && lost.message})`;
  return { errors: [{ error: message, user_facing_error: { is_panic: false, message, meta: { database_host: u.hostname, database_port: u.port }, error_code: 'P1001' } }] };
}

// ---- GraphQL -> JSON protocol
const ACTIONS = ['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'createOne',
  'createMany', 'updateOne', 'updateMany', 'deleteOne', 'deleteMany', 'upsertOne', 'aggregate', 'groupBy'];
function splitName(name) {
  if (name === 'queryRaw' || name === 'executeRaw') return { action: name };
  let throws = '';
  if (name.endsWith('OrThrow')) { throws = 'OrThrow'; name = name.slice(0, -7); }
  for (const a of ACTIONS) {
    if (name.startsWith(a) && models[name.slice(a.length)]) return { action: a + throws, modelName: name.slice(a.length) };
  }
  throw new Error('unknown operation ' + name);
}
const asJson = (v) => {
  if (Array.isArray(v)) return v.map(asJson);
  if (typeof v !== 'string') return v;
  if (/^(DbNull|JsonNull|AnyNull)$/.test(v)) return { $type: 'Enum', value: v };
  return { $type: 'Json', value: v };
};
const JSON_FILTERS = new Set(['equals', 'not', 'set', 'push', 'has', 'array_contains', 'array_starts_with', 'array_ends_with',
  'hasSome', 'hasEvery', 'lt', 'lte', 'gt', 'gte']);
function value(node, model, json) {
  switch (node.kind) {
    case 'IntValue': {
      const n = Number(node.value);
      return Number.isSafeInteger(n) ? n : { $type: 'BigInt', value: node.value };
    }
    case 'FloatValue': return Number(node.value);
    case 'StringValue': return json ? asJson(node.value) : node.value;
    case 'BooleanValue': return node.value;
    case 'NullValue': return null;
    case 'EnumValue': return node.value;
    case 'ListValue': return node.values.map((v) => value(v, model, json));
    case 'ObjectValue': {
      const out = {};
      for (const f of node.fields) {
        const k = f.name.value;
        const type = json ? undefined : models[model] && models[model][k];
        if (json) out[k] = value(f.value, model, JSON_FILTERS.has(k));
        else if (type && models[type]) out[k] = value(f.value, type, false);
        else out[k] = value(f.value, model, type === 'Json');
      }
      return out;
    }
    default: throw new Error('unsupported value ' + node.kind);
  }
}
function args(field, model) {
  const out = {};
  for (const a of field.arguments || []) out[a.name.value] = value(a.value, model, false);
  return out;
}
function selection(set, model) {
  const out = {};
  for (const f of (set && set.selections) || []) {
    const k = f.name.value;
    const next = (models[model] && models[models[model][k]]) ? models[model][k] : model;
    out[k] = f.selectionSet || (f.arguments || []).length
      ? { arguments: args(f, next), selection: selection(f.selectionSet, next) } : true;
  }
  return out;
}
function translate(req) {
  const root = parse(req.query, { noLocation: true }).definitions[0].selectionSet.selections[0];
  const { action, modelName } = splitName(root.name.value);
  return {
    alias: (root.alias || root.name).value,
    body: { modelName, action, query: { arguments: args(root, modelName), selection: selection(root.selectionSet, modelName) } },
  };
}

// ---- JSON protocol -> what GraphQL answers
function plain(v) {
  if (Array.isArray(v)) return v.map(plain);
  if (v === null || typeof v !== 'object') return v;
  if (typeof v.$type === 'string' && 'value' in v) return v.$type === 'FieldRef' ? v : v.value;
  const out = {};
  for (const k in v) out[k] = plain(v[k]);
  return out;
}
// prisma-client-py before 0.14 reads raw rows as Prisma 5.4 wrote them: each value with its type, no columns.
let oldRaw = false;
try { oldRaw = fs.readFileSync(path.join(path.dirname(process.env.PRISMA_DML_PATH), '_raw_query.py'), 'utf8').includes('prisma__value'); } catch { /* new */ }
function rawCell(type, v) {
  if (v === null) return { prisma__type: 'null', prisma__value: null };
  if (!type.endsWith('-array')) return { prisma__type: type, prisma__value: v };
  return { prisma__type: 'array', prisma__value: v.map((x) => rawCell(type.slice(0, -6), x)) };
}
const rawRows = (r) => r.rows.map((row) => Object.fromEntries(row.map((v, i) => [r.columns[i], rawCell(r.types[i], v)])));
function answer(res, t) {
  if (!res.data) return res;
  const v = Object.values(res.data)[0];
  if (t.body.action === 'queryRaw') return { ...res, data: { [t.alias]: oldRaw ? rawRows(v) : v } };
  return { ...res, data: { [t.alias]: t.body.action === 'executeRaw' ? v : plain(v) } };
}
function failure(e) {
  let user = { is_panic: false, message: String((e && e.message) || e), meta: {}, batch_request_idx: null };
  try { user = { ...user, ...JSON.parse(user.message) }; } catch { /* plain text */ }
  return { errors: [{ error: user.message, user_facing_error: user }] };
}

async function main() {
  const dir = path.dirname(require.resolve('@prisma/client/runtime/query_engine_bg.postgresql.js'));
  const glue = require(path.join(dir, 'query_engine_bg.postgresql.js'));
  const wasm = new WebAssembly.Module(fs.readFileSync(path.join(dir, 'query_engine_bg.postgresql.wasm')));
  glue.__wbg_set_wasm(new WebAssembly.Instance(wasm, { './query_engine_bg.js': glue }).exports);
  const { pool, schema } = makePool();
  const engine = new glue.QueryEngine({
    datamodel, env: {}, logQueries: false, ignoreEnvVarErrors: true, datasourceOverrides: {}, logLevel: 'error',
    configDir: '.', engineProtocol: 'json',
  }, () => {}, bindAdapter(new PrismaPg(pool, { schema })));
  await engine.connect('{}');
  const debug = process.env.QE_LOG ? (...a) => fs.appendFileSync(process.env.QE_LOG, a.join(' ') + '\n') : () => {};

  async function query(text, txId) {
    const req = JSON.parse(text);
    try {
      if (!req.batch) {
        const t = translate(req);
        const res = answer(JSON.parse(await engine.query(JSON.stringify(t.body), '{}', txId)), t);
        debug(JSON.stringify(t.body), '=>', JSON.stringify(res).slice(0, 400));
        return res;
      }
      const ts = req.batch.map(translate);
      const body = { batch: ts.map((t) => t.body), transaction: req.transaction ? { isolationLevel: req.isolation_level } : undefined };
      const res = JSON.parse(await engine.query(JSON.stringify(body), '{}', txId));
      debug(JSON.stringify(body), '=>', JSON.stringify(res).slice(0, 400));
      if (res.batchResult) res.batchResult = res.batchResult.map((r, i) => answer(r, ts[i]));
      return res;
    } catch (e) {
      debug('FAILED', text, (e && e.stack) || e);
      return failure(e);
    }
  }
  async function route(req, text) {
    const [, start, id, end] = /^\/transaction\/(?:(start)|([^/]+)\/(commit|rollback))$/.exec(req.url) || [];
    if (start) return [200, JSON.parse(await engine.startTransaction(text, '{}'))];
    if (end) return [200, JSON.parse((await engine[end + 'Transaction'](id, '{}')) || '{}')];
    if (req.url.startsWith('/metrics')) return [200, { counters: [], gauges: [], histograms: [] }];
    if (req.method === 'GET') return [200, { status: 'ok' }];
    return [200, await query(text, req.headers['x-transaction-id'])];
  }
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (d) => parts.push(d));
    req.on('end', async () => {
      let status, body;
      try { [status, body] = await route(req, Buffer.concat(parts).toString()); } catch (e) { [status, body] = [200, failure(e)]; }
      // interactive-transaction calls answer their errors bare
      body = unreachable(body);
      if (body && body.error_code && !body.errors) body = { errors: [{ error: body.message, user_facing_error: body }] };
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(body));
    });
  });
  server.keepAliveTimeout = 75000;
  server.listen(port, host);
  const stop = () => { server.close(); pool.end().finally(() => process.exit(0)); setTimeout(() => process.exit(0), 500); };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) stop(); }, 1000).unref();
}
main().catch((e) => { console.error('query-engine: ' + ((e && e.stack) || e)); process.exit(1); });
