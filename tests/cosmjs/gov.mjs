// Governs a dev node with cosmjs, unmodified: node gov.mjs <rpc url> <mnemonic> <chain id> <account of governance>,<operator>
// The node's periods are seconds, and it makes blocks by itself.
import assert from "node:assert/strict";
import { DirectSecp256k1HdWallet, Registry } from "@cosmjs/proto-signing";
import { GasPrice, QueryClient, SigningStargateClient, createProtobufRpcClient, defaultRegistryTypes } from "@cosmjs/stargate";
import { connectComet } from "@cosmjs/tendermint-rpc";
import { MsgDeposit, MsgSubmitProposal, MsgSubmitProposalResponse, MsgVoteWeighted } from "cosmjs-types/cosmos/gov/v1/tx";
import { ProposalStatus, VoteOption } from "cosmjs-types/cosmos/gov/v1/gov";
import { QueryClientImpl } from "cosmjs-types/cosmos/gov/v1/query";
import { BinaryReader, BinaryWriter } from "cosmjs-types/binary";

// The chain's own messages, as far as they are used: each field is [number, name, kind].
function type(fields) {
  return {
    encode(message, writer = BinaryWriter.create()) {
      for (const [number, name, kind] of fields) {
        const value = message[name];
        if (kind === "string") writer.uint32(number * 8 + 2).string(value);
        else if (kind === "uint64") writer.uint32(number * 8).uint64(value);
        else for (const item of value) kind.encode(item, writer.uint32(number * 8 + 2).fork()).ldelim();
      }
      return writer;
    },
    decode: (bytes) => ({ bytes, reader: new BinaryReader(bytes) }),
    fromPartial: (message) => message,
  };
}
const Change = type([[1, "name", "string"], [2, "value", "uint64"]]);
const MsgUpdateParams = type([[1, "authority", "string"], [2, "changes", Change]]);
const WeightedVoteOption = type([[1, "option", "uint64"], [2, "weight", "string"]]);
const MsgLockedVote = type([
  [1, "proposalId", "uint64"], [2, "voter", "string"], [3, "options", WeightedVoteOption], [4, "locked", "uint64"],
]);

const [url, mnemonic, chainId, accounts] = process.argv.slice(2);
const [authority, operator] = accounts.split(",");
const registry = new Registry([
  ...defaultRegistryTypes,
  ["/cosmos.gov.v1.MsgSubmitProposal", MsgSubmitProposal],
  ["/cosmos.gov.v1.MsgDeposit", MsgDeposit],
  ["/cosmos.gov.v1.MsgVoteWeighted", MsgVoteWeighted],
  ["/dadbs.gov.v1.MsgLockedVote", MsgLockedVote],
]);
const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "dadbs" });
const [{ address }] = await wallet.getAccounts();
const client = await SigningStargateClient.connectWithSigner(url, wallet, {
  gasPrice: GasPrice.fromString("0.0025udadb"),
  registry,
  broadcastPollIntervalMs: 100,
});
const gov = new QueryClientImpl(createProtobufRpcClient(new QueryClient(await connectComet(url))));
assert.equal(await client.getChainId(), chainId);

async function send(typeUrl, value) {
  const result = await client.signAndBroadcast(address, [{ typeUrl, value }], 1.5, "");
  assert.equal(result.code, 0, result.rawLog);
  return result;
}

const { params } = await gov.Params({ paramsType: "" });
const [{ amount }] = params.minDeposit;
const half = [{ denom: "udadb", amount: String(BigInt(amount) / 2n) }];
const change = { authority, changes: [{ name: "contract.schedule_block_gas", value: 77n }] };
const submitted = await send("/cosmos.gov.v1.MsgSubmitProposal", {
  messages: [{ typeUrl: "/dadbs.params.v1.MsgUpdateParams", value: MsgUpdateParams.encode(change).finish() }],
  initialDeposit: half,
  proposer: address,
  metadata: "",
  title: "Less gas for schedules",
  summary: "made by cosmjs",
  expedited: false,
});
const { proposalId } = MsgSubmitProposalResponse.decode(submitted.msgResponses[0].value);
const proposal = async () => (await gov.Proposal({ proposalId })).proposal;
assert.equal((await proposal()).status, ProposalStatus.PROPOSAL_STATUS_DEPOSIT_PERIOD);
await send("/cosmos.gov.v1.MsgDeposit", { proposalId, depositor: address, amount: half });
assert.equal((await proposal()).status, ProposalStatus.PROPOSAL_STATUS_VOTING_PERIOD);
assert.equal((await gov.Deposit({ proposalId, depositor: address })).deposit.amount[0].amount, amount);

// Without stake a vote is refused before a block; with stake it counts, and locked coins vote besides.
const plain = {
  proposalId, voter: address, metadata: "",
  options: [{ option: VoteOption.VOTE_OPTION_YES, weight: "0.75" }, { option: VoteOption.VOTE_OPTION_NO, weight: "0.25" }],
};
await assert.rejects(
  client.simulate(address, [{ typeUrl: "/cosmos.gov.v1.MsgVoteWeighted", value: plain }], ""),
  /has no stake/,
);
const staked = await client.delegateTokens(address, operator, { denom: "udadb", amount: "200000000" }, 1.5, "");
assert.equal(staked.code, 0, staked.rawLog);
await send("/cosmos.gov.v1.MsgVoteWeighted", plain);
const soFar = (await gov.TallyResult({ proposalId })).tally;
assert.deepEqual([soFar.yesCount, soFar.noCount], ["150000000", "50000000"]);
await send("/dadbs.gov.v1.MsgLockedVote", {
  proposalId, voter: address, locked: 1000n,
  options: [{ option: BigInt(VoteOption.VOTE_OPTION_YES), weight: "0.75" }, { option: BigInt(VoteOption.VOTE_OPTION_NO), weight: "0.25" }],
});
const { tally } = await gov.TallyResult({ proposalId });
assert.deepEqual([tally.yesCount, tally.noCount], ["150000750", "50000250"]);
const { vote } = await gov.Vote({ proposalId, voter: address });
assert.deepEqual(vote.options.map(({ weight }) => weight), ["0.750000000000000000", "0.250000000000000000"]);
assert.equal((await gov.Votes({ proposalId })).votes.length, 1);

let passed;
for (let tries = 0; tries < 100; tries++) {
  passed = await proposal();
  if (passed.status !== ProposalStatus.PROPOSAL_STATUS_VOTING_PERIOD) break;
  await new Promise((resolve) => setTimeout(resolve, 200));
}
assert.equal(passed.status, ProposalStatus.PROPOSAL_STATUS_PASSED, passed.failedReason);
assert.equal(passed.finalTallyResult.yesCount, "150000750");
const { proposals } = await gov.Proposals({ proposalStatus: 0, voter: "", depositor: "" });
assert.equal(proposals.length, 1);
console.log("cosmjs ok");
process.exit(0);
