// Generated clients in a round trip: node out/test.js <rpc url> <mnemonic> <invoices> <sensors>
import assert from "node:assert/strict";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";
import { GasPrice, SigningStargateClient } from "@cosmjs/stargate";
import { CallError, Client, ContractError } from "./invoices.js";
import { Client as Market, ContractError as MarketError } from "./sensors.js";

const [url, mnemonic, contract, market] = process.argv.slice(2) as [string, string, string, string];
const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "dadbs" });
const [account] = await wallet.getAccounts();
assert.ok(account);
const { address } = account;
const gasPrice = GasPrice.fromString("0.0025udadb");
const options = { gasPrice, broadcastPollIntervalMs: 100 };
const signing = await SigningStargateClient.connectWithSigner(url, wallet, options);
const client = new Client(signing, contract, { client: signing, address });

const id = await client.draft("typescript");
assert.equal(typeof id, "bigint");
await client.line(id, "1 hour", 12_345n);
await client.line(id, "2 hours", 55n);
assert.equal(await client.issue(id), 12_400n);
assert.equal(await client.pay(id, 400n), 12_000n);
const invoices = await client.ofCustomer("typescript");
assert.deepEqual(invoices, [
  { id, issuer: address, customer: "typescript", total: 12_400n, paid: 400n, state: "issued" },
]);
assert.equal(await client.open(address), 12_000n);

const overpaid = await client.pay(id, 99_999n).catch((error: unknown) => error);
assert.ok(overpaid instanceof CallError, String(overpaid));
assert.equal(overpaid.number, ContractError.Overpaid);
// Wrong types are refused before anything is sent.
await assert.rejects(client.pay(id, 5 as never), TypeError);
await assert.rejects(client.pay(id, 2n ** 63n), TypeError);
await assert.rejects(client.draft(null as never), TypeError);

// Payable calls send coins; others have no place for them.
const sensors = new Market(signing, market, { client: signing, address });
await sensors.register("cellar", "C", 7n);
assert.equal(await sensors.add("cellar", 1_700_000_000_000n, 18_250n), 1n);
const coins = (amount: string) => [{ denom: "udadb", amount }];
const before = await signing.getBalance(address, "udadb");
for (const wrong of [coins("6"), coins("8"), []]) {
  const refused = await sensors.buy(wrong, "cellar", 1n, 1n).catch((error: unknown) => error);
  assert.ok(refused instanceof Error, String(refused));
  assert.match(refused.message, /WrongPrice \(6\)/);
  assert.equal((refused as CallError).number, MarketError.WrongPrice);
}
await sensors.buy(coins("7"), "cellar", 1n, 1n);
assert.deepEqual(await sensors.read("cellar", 1n), [
  { sensor: "cellar", number: 1n, at_ms: 1_700_000_000_000n, milli: 18_250n },
]);
assert.ok(BigInt((await signing.getBalance(address, "udadb")).amount) < BigInt(before.amount), "fees were paid");
for (const wrong of [[{ denom: "udadb", amount: 7 }], [{ amount: "7" }], coins("-7"), coins("7.5"), "7udadb", null]) {
  await assert.rejects(sensors.buy(wrong as never, "cellar", 1n, 1n), TypeError);
}
signing.disconnect();
console.log("typescript ok");
