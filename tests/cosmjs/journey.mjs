// Stakes, votes, changes a parameter and upgrades a contract with cosmjs, unmodified:
//   node journey.mjs <rpc url> <mnemonic> <chain id> <facts as JSON>
// Lines on stdout are for who runs it: `voted ID ...` asks the other validators to vote, `time` asks for what ends votes.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { DirectSecp256k1HdWallet, Registry, coins, encodePubkey } from "@cosmjs/proto-signing";
import {
  GasPrice, QueryClient, SigningStargateClient, createProtobufRpcClient, defaultRegistryTypes, setupStakingExtension,
} from "@cosmjs/stargate";
import { connectComet } from "@cosmjs/tendermint-rpc";
import { MsgSubmitProposalResponse } from "cosmjs-types/cosmos/gov/v1/tx";
import { ProposalStatus, VoteOption } from "cosmjs-types/cosmos/gov/v1/gov";
import { QueryClientImpl } from "cosmjs-types/cosmos/gov/v1/query";
import { load } from "./protos.mjs";

const [url, mnemonic, chainId, facts] = process.argv.slice(2);
const { authority, operator, ownOperator, key, contract, before, after, gas } = JSON.parse(facts);
const type = load(
  ...["contract", "gov", "params", "sql"].flatMap((name) => ["tx", "query"].map((file) => `dadbs/${name}/v1/${file}.proto`)),
);
const own = ["contract.v1.MsgStoreCode", "contract.v1.MsgInstantiate", "contract.v1.MsgMigrate",
  "params.v1.MsgUpdateParams", "gov.v1.MsgLockedVote"].map((name) => [`/dadbs.${name}`, type(`dadbs.${name}`)]);
const registry = new Registry([...defaultRegistryTypes, ...own]);
const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "dadbs" });
const [{ address }] = await wallet.getAccounts();
const client = await SigningStargateClient.connectWithSigner(url, wallet, {
  gasPrice: GasPrice.fromString("0.0025udadb"),
  registry,
  broadcastPollIntervalMs: 100,
});
const comet = await connectComet(url);
const queries = QueryClient.withExtensions(comet, setupStakingExtension);
const rpc = createProtobufRpcClient(queries);
const gov = new QueryClientImpl(rpc);
assert.equal(await client.getChainId(), chainId);

async function submit(typeUrl, value) {
  const result = await client.signAndBroadcast(address, [{ typeUrl, value }], 1.5, "");
  assert.equal(result.code, 0, result.rawLog);
  return result;
}
const send = async (typeUrl, value) => (await submit(typeUrl, value)).msgResponses[0].value;
// One of the chain's own queries, such as sql.v1.Query.
async function ask(name, request) {
  const [module, method] = name.split("/");
  const message = (suffix) => type(`dadbs.${module}.v1.${method}${suffix}`);
  const answer = await rpc.request(`dadbs.${module}.v1.Query`, method, message("Request").encode(request).finish());
  return message("Response").toObject(message("Response").decode(answer), { longs: Number });
}
async function until(what, found) {
  for (let tries = 0; tries < 900; tries++) {
    const value = await found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`never: ${what}`);
}
const packed = (registered, value) => ({ typeUrl: registered, value: registry.encode({ typeUrl: registered, value }) });
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

// 1. Stake: a validator of its own, and a delegation to another one.
const created = await submit("/cosmos.staking.v1beta1.MsgCreateValidator", {
  description: { moniker: "cosmjs", identity: "", website: "", securityContact: "", details: "" },
  // cosmjs writes rates as whole numbers of 10^-18.
  commission: { rate: String(10n ** 17n), maxRate: String(2n * 10n ** 17n), maxChangeRate: String(10n ** 16n) },
  minSelfDelegation: "1",
  delegatorAddress: "",
  validatorAddress: ownOperator,
  pubkey: encodePubkey({ type: "tendermint/PubKeyEd25519", value: key }),
  value: { denom: "udadb", amount: "1000000" },
});
const { validatorUpdates } = await comet.blockResults(created.height);
assert.ok(validatorUpdates.some(({ pubkey }) => Buffer.from(pubkey.data).toString("base64") === key));
const delegated = await client.delegateTokens(address, operator, { denom: "udadb", amount: "300000000" }, 1.5, "");
assert.equal(delegated.code, 0, delegated.rawLog);
const { validator } = await queries.staking.validator(ownOperator);
assert.deepEqual([validator.description.moniker, validator.tokens], ["cosmjs", "1000000"]);
assert.equal(validator.commission.commissionRates.rate, String(10n ** 17n));
assert.equal((await queries.staking.validators("BOND_STATUS_BONDED")).validators.some((one) => one.operatorAddress === operator), true);
assert.equal((await queries.staking.delegatorDelegations(address)).delegationResponses.length, 2);
assert.equal((await client.getBalanceStaked(address)).amount, "301000000");
assert.equal((await client.getDelegation(address, operator)).amount, "300000000");

// A contract that governance may upgrade.
const [oldWasm, newWasm] = [before, after].map((path) => readFileSync(path));
const { codeId } = type("dadbs.contract.v1.MsgStoreCodeResponse").decode(
  await send("/dadbs.contract.v1.MsgStoreCode", { sender: address, wasm: oldWasm }),
);
await send("/dadbs.contract.v1.MsgInstantiate", { sender: address, codeId, name: contract, admin: authority });

// 2. Votes, on 3. a parameter and 4. an upgrade, with the hashes of both codes.
const { params } = await gov.Params({ paramsType: "" });
const [{ amount }] = params.minDeposit;
const half = coins(String(BigInt(amount) / 2n), "udadb");
async function propose(title, messages) {
  const value = { messages, initialDeposit: half, proposer: address, metadata: "", title, summary: "by cosmjs", expedited: false };
  return MsgSubmitProposalResponse.decode(await send("/cosmos.gov.v1.MsgSubmitProposal", value)).proposalId;
}
const change = { authority, changes: [{ name: "contract.schedule_block_gas", value: gas }] };
const parameter = await propose("Less gas for schedules", [packed("/dadbs.params.v1.MsgUpdateParams", change)]);
const upgrade = await propose("Upgrade a contract", [
  packed("/dadbs.contract.v1.MsgStoreCode", { sender: authority, wasm: newWasm }),
  packed("/dadbs.contract.v1.MsgMigrate", {
    sender: authority, contract, codeHash: sha256(newWasm), replacesHash: sha256(oldWasm),
  }),
]);
const both = [parameter, upgrade];
const status = async (proposalId) => (await gov.Proposal({ proposalId })).proposal.status;
const tally = (id) => ask("gov/Tally", { proposalId: Number(id) });
for (const proposalId of both) {
  assert.equal(await status(proposalId), ProposalStatus.PROPOSAL_STATUS_DEPOSIT_PERIOD);
  await send("/cosmos.gov.v1.MsgDeposit", { proposalId, depositor: address, amount: half });
  assert.equal(await status(proposalId), ProposalStatus.PROPOSAL_STATUS_VOTING_PERIOD);
  assert.equal((await gov.Deposit({ proposalId, depositor: address })).deposit.amount[0].amount, amount);
}
const yes = VoteOption.VOTE_OPTION_YES;
const no = VoteOption.VOTE_OPTION_NO;
await send("/cosmos.gov.v1.MsgVote", { proposalId: upgrade, voter: address, option: yes, metadata: "" });
await send("/cosmos.gov.v1.MsgVoteWeighted", {
  proposalId: parameter, voter: address, metadata: "", options: [{ option: yes, weight: "0.75" }, { option: no, weight: "0.25" }],
});
// Coins that are not staked vote, too, and are locked until the vote ends.
await send("/dadbs.gov.v1.MsgLockedVote", {
  proposalId: Number(parameter), voter: address, locked: 1000, options: [{ option: yes, weight: "0.75" }, { option: no, weight: "0.25" }],
});
const { vote } = await gov.Vote({ proposalId: parameter, voter: address });
assert.deepEqual(vote.options.map(({ weight }) => weight), ["0.750000000000000000", "0.250000000000000000"]);
assert.equal((await gov.Votes({ proposalId: parameter })).votes.length, 1);
// The stake at its own validator votes, too, once that is bonded.
const seen = async (id) => (await gov.TallyResult({ proposalId: id })).tally;
const soFar = await seen(upgrade);
assert.ok(["300000000", "301000000"].includes(soFar.yesCount), soFar.yesCount);
assert.equal((await seen(parameter)).noCount, String(BigInt(soFar.yesCount) / 4n + 250n));
console.log(`voted ${both.join(" ")}`);
for (const id of both) {
  await until("the other validators vote", async () => BigInt((await seen(id)).yesCount) > BigInt(soFar.yesCount));
}
console.log("time");
for (const id of both) {
  const ended = await until("it is executed", async () => {
    const now = await tally(id);
    return ["voting", "queued"].includes(now.status) ? null : now;
  });
  assert.equal(ended.status, "executed", ended.failedReason);
  assert.equal(await status(id), ProposalStatus.PROPOSAL_STATUS_PASSED);
}
const { proposals } = await gov.Proposals({ proposalStatus: 0, voter: "", depositor: address });
assert.deepEqual(proposals.map(({ id }) => id), []);

const changed = (await ask("params/Params", {})).params.find(({ name }) => name === "contract.schedule_block_gas");
assert.equal(changed.value, gas);
const info = (await ask("contract/Contract", { name: contract })).contract;
assert.ok(info.codeId > Number(codeId), "it runs other code");
const code = await ask("contract/Code", { codeId: info.codeId });
assert.deepEqual(Buffer.from(code.codeHash), sha256(newWasm));
const rows = (await ask("sql/Query", { database: contract, sql: "SELECT text, stars FROM note" })).rows;
assert.deepEqual(rows.map(({ values }) => values), [[{ text: "cosmjs" }, { integer: 3 }]]);
console.log("cosmjs ok");
process.exit(0);
