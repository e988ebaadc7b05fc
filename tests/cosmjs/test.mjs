// Drives a dev node with the real cosmjs: node test.mjs <rpc url> <mnemonic> <chain id> <recipient>
import assert from "node:assert/strict";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";
import { GasPrice, SigningStargateClient, StargateClient } from "@cosmjs/stargate";
import { Comet38Client, connectComet } from "@cosmjs/tendermint-rpc";

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
console.log("cosmjs ok");
