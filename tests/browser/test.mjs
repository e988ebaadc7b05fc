// Shows page.html, served from an origin of its own, in headless Chromium, and prints what it says.
//
//   node test.mjs http://127.0.0.1:9090 dadbs1...
import { spawn } from "node:child_process";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [node, address] = process.argv.slice(2);
const page = await readFile(new URL("page.html", import.meta.url));
const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(page));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const asked = new URLSearchParams({ node, address });
const profile = await mkdtemp(join(tmpdir(), "dadbs-browser-"));

// A group of its own, so that no helper process outlives it.
const chromium = spawn("chromium", [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
  `--user-data-dir=${profile}`, "--virtual-time-budget=20000", "--dump-dom",
  `http://127.0.0.1:${server.address().port}/?${asked}`,
], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
const kill = () => { try { process.kill(-chromium.pid, "SIGKILL"); } catch { /* it has ended */ } };
process.on("exit", kill);
const late = setTimeout(kill, 60_000);
let [shown, errors] = ["", ""];
chromium.stdout.on("data", (bytes) => { shown += bytes; });
chromium.stderr.on("data", (bytes) => { errors += bytes; });
await new Promise((ended) => chromium.on("close", ended));
clearTimeout(late);
kill();
server.close();
await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });

for (const id of ["balance", "refused"]) {
  const found = shown.match(new RegExp(`<p id="${id}">([^<]*)</p>`));
  if (!found) {
    console.error(`the page was not shown: ${shown}\n${errors}`);
    process.exit(1);
  }
  console.log(`${id}: ${found[1]}`);
}
