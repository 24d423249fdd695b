// Node loads the extension, with the package @duckdb/node-api, whose folder SEGUE_NODE_MODULES names.

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const require = createRequire(path.join(process.env.SEGUE_NODE_MODULES, "modules"));
const { DuckDBInstance } = require("@duckdb/node-api");

const data = path.join(fileURLToPath(import.meta.url), "../../../../data");

async function open(file) {
  const instance = await DuckDBInstance.create(file, { allow_unsigned_extensions: "true" });
  const connection = await instance.connect();
  await connection.run(`LOAD '${process.env.SEGUE_EXTENSION}'`);
  return { instance, connection };
}

function close({ instance, connection }) {
  connection.closeSync();
  instance.closeSync();
}

async function rows(connection, sql, values) {
  return (await connection.runAndReadAll(sql, values)).getRowsJS();
}

async function withSample(file) {
  const database = await open(file);
  for (const name of ["plays", "songs", "users"]) {
    await database.connection.run(`CREATE TABLE ${name} AS FROM '${data}/${name}.csv'`);
  }
  await database.connection.run("FROM train_popularity('plays')");
  return database;
}

function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "segue-"));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

test("trains, recommends and evaluates", async () => {
  const database = await withSample(":memory:");
  const { connection } = database;
  const top = await rows(connection, "FROM recommend($1, 3)", [1]);
  assert.deepEqual(top.map(([rank]) => rank), [1n, 2n, 3n]);
  assert.equal(top[0][3], "model");
  const [[pairs]] = await rows(
    connection,
    "SELECT count(*) FROM users u, recommend(u.user_id, 3) r",
  );
  const [[users]] = await rows(connection, "SELECT count(*) FROM users");
  assert.equal(pairs, 3n * users);
  const measured = await rows(
    connection,
    "FROM evaluate('popularity', '(FROM plays WHERE user_id <= 4)', k := 20)",
  );
  assert.ok(measured.some(([metric]) => metric === "recall"));
  close(database);
});

test("connections ask while another trains", async () => {
  const database = await withSample(":memory:");
  const trainer = await database.instance.connect();
  const training = rows(
    trainer,
    "SELECT epoch FROM train_harm('(FROM plays WHERE user_id <= 4)', epochs := 3," +
      " embedding_size := 8, max_length := 5)",
  );
  const ask = async () => {
    const connection = await database.instance.connect();
    const found = await rows(connection, "FROM recommend(1, 5, model := 'popularity')");
    connection.closeSync();
    return found.length;
  };
  assert.deepEqual(await Promise.all(Array.from({ length: 8 }, ask)), Array(8).fill(5));
  assert.deepEqual(await training, [[1n], [2n], [3n]]);
  trainer.closeSync();
  close(database);
});

// Instances are not shared: DuckDB opens the file anew at once, so the old one must be gone.
test("a file is closed and opened again and again", async (t) => {
  const file = path.join(folder(t), "music.duckdb");
  close(await withSample(file));
  for (let round = 1; round <= 20; round += 1) {
    const database = await open(file);
    const { connection } = database;
    await connection.run("CREATE TABLE IF NOT EXISTS rounds (round INTEGER)");
    await connection.run("INSERT INTO rounds SELECT $1 FROM range(1000)", [round]);
    const [[count]] = await rows(connection, "SELECT count(*) FROM rounds");
    assert.equal(count, 1000n * BigInt(round));
    assert.equal((await rows(connection, "FROM recommend(1, 3)")).length, 3);
    await connection.run("FROM train_popularity('plays', retrain := true)");
    close(database);
    assert.ok(!fs.existsSync(`${file}.wal`), "a write-ahead log is left");
  }
});

test("an instance without connections keeps the functions", async () => {
  const database = await withSample(":memory:");
  database.connection.closeSync();
  const connection = await database.instance.connect();
  assert.equal((await rows(connection, "FROM recommend(1, 3)")).length, 3);
  connection.closeSync();
  database.instance.closeSync();
});

test("errors reach the program", async () => {
  const database = await open(":memory:");
  await assert.rejects(rows(database.connection, "FROM recommend(1, 3)"), /no model is stored yet/);
  close(database);
});
