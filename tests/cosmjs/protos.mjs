// The chain's own messages, from its .proto files: load("dadbs/sql/v1/tx.proto", ...) gives a function from names to
// types that a Registry of cosmjs takes. What has its default value is to be left out: the chain takes one encoding of a
// message alone, and these types write every field that is named.
import protobuf from "protobufjs";

export function load(...files) {
  const root = new protobuf.Root();
  root.resolvePath = (_, file) => new URL(`../../proto/${file}`, import.meta.url).pathname;
  root.loadSync(files);
  return (name) => root.lookupType(name);
}
