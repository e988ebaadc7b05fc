// A generated client in a round trip: node out/test.js <rpc url> <mnemonic> <contract>
import assert from "node:assert/strict";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";
import { GasPrice, SigningStargateClient } from "@cosmjs/stargate";
import { CallError, Client, ContractError } from "./invoices.js";

const [url, mnemonic, contract] = process.argv.slice(2) as [string, string, string];
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
signing.disconnect();
console.log("typescript ok");
