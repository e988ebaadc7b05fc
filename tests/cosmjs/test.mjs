// Drives a node with cosmjs, unmodified: node test.mjs <rpc url> <mnemonic> <chain id> <recipient>
import assert from "node:assert/strict";
import { DirectSecp256k1HdWallet, Registry } from "@cosmjs/proto-signing";
import { GasPrice, SigningStargateClient, StargateClient, defaultRegistryTypes } from "@cosmjs/stargate";
import { Comet38Client, connectComet } from "@cosmjs/tendermint-rpc";
import { load } from "./protos.mjs";

const type = load("dadbs/contract/v1/tx.proto", "dadbs/sql/v1/tx.proto");
const registry = new Registry([
  ...defaultRegistryTypes,
  ["/dadbs.contract.v1.MsgInstantiate", type("dadbs.contract.v1.MsgInstantiate")],
  ["/dadbs.sql.v1.MsgExec", type("dadbs.sql.v1.MsgExec")],
]);

const [url, mnemonic, chainId] = process.argv.slice(2);
const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "dadbs" });
const [{ address }] = await wallet.getAccounts();
const recipient = process.argv[5];

const comet = await connectComet(url);
assert.ok(comet instanceof Comet38Client, "the version must choose the 0.38 client");
const status = await comet.status();
assert.equal(status.nodeInfo.network, chainId);
assert.ok(status.syncInfo.latestBlockHeight >= 1);

const reader = await StargateClient.connect(url);
assert.equal(await reader.getChainId(), chainId);
assert.equal(await reader.getAccount(recipient), null, "a missing account is null, not an error");

const client = await SigningStargateClient.connectWithSigner(url, wallet, {
  gasPrice: GasPrice.fromString("0.0025udadb"),
  registry,
  broadcastPollIntervalMs: 100,
});
const before = await client.getBalance(address, "udadb");
assert.ok(BigInt(before.amount) > 1_000_000n);

const send = {
  typeUrl: "/cosmos.bank.v1beta1.MsgSend",
  value: { fromAddress: address, toAddress: recipient, amount: [{ denom: "udadb", amount: "1234" }] },
};
const gas = await client.simulate(address, [send], "from cosmjs");
assert.ok(gas > 0);
const sent = await client.sendTokens(address, recipient, send.value.amount, 1.5, "from cosmjs");
assert.equal(sent.code, 0, sent.rawLog);
assert.ok(sent.gasUsed > 0n);
assert.equal(sent.msgResponses[0].typeUrl, "/cosmos.bank.v1beta1.MsgSendResponse");
assert.equal((await client.getBalance(recipient, "udadb")).amount, "1234");

const found = await client.getTx(sent.transactionHash);
assert.equal(found.height, sent.height);
assert.equal(found.code, 0);
assert.equal(await client.getTx("00".repeat(32)), null);

const query = [{ key: "message.sender", value: address }];
const searched = await client.searchTx(query);
assert.ok(searched.some((tx) => tx.hash === sent.transactionHash));
const byHeight = await client.searchTx(`tx.height=${sent.height}`);
assert.equal(byHeight[0].hash, sent.transactionHash);

const block = await client.getBlock(sent.height);
assert.equal(block.txs.length, 1);
assert.equal(block.header.chainId, chainId);
const results = await comet.blockResults(sent.height);
assert.equal(results.results.length, 1);
assert.equal((await comet.validators({ height: sent.height })).validators.length, 1);
assert.equal((await comet.commit(sent.height)).commit.signatures.length, 1);
assert.equal((await comet.genesis()).chainId, chainId);
assert.ok((await comet.abciInfo()).lastBlockHeight >= sent.height);
assert.ok((await comet.blockchain(1, sent.height)).blockMetas.length >= 1);
await comet.health();
assert.equal((await comet.numUnconfirmedTxs()).total, 0);
const first = await comet.block(1);
assert.equal(first.block.lastCommit, null);

const second = await client.sendTokens(address, recipient, send.value.amount, 1.5, "");
assert.equal(second.code, 0, second.rawLog);
await assert.rejects(
  client.sendTokens(address, recipient, [{ denom: "udadb", amount: "999999999999999999" }], {
    amount: [{ denom: "udadb", amount: "5000" }], gas: "500000",
  }).then((tx) => { if (tx.code !== 0) throw new Error(tx.rawLog); }),
);

// SQL through a contract message with a registered type.
const sql = [
  { typeUrl: "/dadbs.contract.v1.MsgInstantiate", value: { sender: address, codeId: 1, name: "cosmjs_shop" } },
  {
    typeUrl: "/dadbs.sql.v1.MsgExec",
    value: {
      sender: address,
      database: "cosmjs_shop",
      statements: [
        { sql: "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)" },
        { sql: "INSERT INTO item VALUES (1, 'bolt')" },
      ],
    },
  },
];
assert.ok((await client.simulate(address, sql, "")) > 0);

// A websocket tells of the block and the transaction, and answers as HTTP does.
const socket = await Comet38Client.connect(url.replace("http", "ws"));
const next = (stream) =>
  new Promise((resolve, reject) => {
    stream.take(1).addListener({ next: resolve, error: reject, complete() {} });
  });
const blockTold = next(socket.subscribeNewBlock());
const txTold = next(socket.subscribeTx(`message.sender = '${address}'`));
await socket.status();

const executed = await client.signAndBroadcast(address, sql, 1.5, "");
assert.equal(executed.code, 0, executed.rawLog);
const action = await client.searchTx([{ key: "message.action", value: "/dadbs.sql.v1.MsgExec" }]);
assert.ok(action.some((tx) => tx.hash === executed.transactionHash));
const told = await txTold;
assert.equal(Buffer.from(told.hash).toString("hex").toUpperCase(), executed.transactionHash);
assert.equal(told.height, executed.height);
assert.ok((await blockTold).header.height <= executed.height);
assert.equal((await socket.tx({ hash: told.hash })).height, executed.height);
socket.disconnect();
console.log("cosmjs ok");
// A websocket of cosmjs connects again after disconnect(), and would keep the process alive.
process.exit(0);
