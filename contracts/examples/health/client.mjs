// The client of the health records: encrypts, wraps and decrypts; the chain sees ciphertext only.
//
//   node client.mjs CONTRACT announce KEYFILE                     makes the key if there is none
//   node client.mjs CONTRACT add KEYFILE KIND TEXT                prints the number of the record
//   node client.mjs CONTRACT share KEYFILE RECORD READER DAYS
//   node client.mjs CONTRACT read KEYFILE RECORD                  prints the text
//
// A record has a fresh AES-256-GCM key. It is wrapped for a reader with a fresh X25519 key: the shared secret and
// both public keys go through HKDF-SHA-256 into the key that encrypts it. Record kinds and readers are bound as
// associated data. The reader's public key comes from the node: whoever does not trust the node compares it with
// the reader, or asks for its row with a proof (`dadbs verify`).
//
// Node and signer are those of the `dadbs` command (DADBS_NODE, DADBS_HOME, DADBS_FROM); DADBS names the binary.
import * as crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const [contract, command, keyFile, ...rest] = process.argv.slice(2);
const dadbs = process.env.DADBS ?? 'dadbs';

function call(entry, ...args) {
  const texts = args.map((arg) => (Buffer.isBuffer(arg) ? `x'${arg.toString('hex')}'` : String(arg)));
  const out = execFileSync(dadbs, ['contract', 'call', contract, entry, ...texts, '-y', '-o', 'json']);
  return JSON.parse(out).rows.map((row) => row.map((v) => (v?.blob !== undefined ? Buffer.from(v.blob, 'hex') : v)));
}

const raw = (key) => Buffer.from(key.export({ format: 'jwk' }).x, 'base64url');
const publicKey = (bytes) =>
  crypto.createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: bytes.toString('base64url') } });

/// Nonce, ciphertext, tag.
function seal(key, text, associated) {
  const nonce = crypto.randomBytes(12);
  const cipher = crypto.createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(associated));
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key, bytes, associated) {
  const decipher = crypto.createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(associated));
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
}

function wrappingKey(own, other, ephemeral, reader) {
  const secret = crypto.diffieHellman({ privateKey: own, publicKey: other });
  const info = Buffer.concat([Buffer.from('dadbs-health-1'), ephemeral, reader]);
  return Buffer.from(crypto.hkdfSync('sha256', secret, '', info, 32));
}

/// The key of a record, for a reader's public key.
function wrap(recordKey, reader) {
  const ephemeral = crypto.generateKeyPairSync('x25519');
  const key = wrappingKey(ephemeral.privateKey, publicKey(reader), raw(ephemeral.publicKey), reader);
  return Buffer.concat([raw(ephemeral.publicKey), seal(key, recordKey, reader)]);
}

function unwrap(wrapped, own) {
  const [ephemeral, reader] = [wrapped.subarray(0, 32), raw(crypto.createPublicKey(own))];
  return unseal(wrappingKey(own, publicKey(ephemeral), ephemeral, reader), wrapped.subarray(32), reader);
}

/// The row behind the row of column names: ciphertext, key, kind.
function open(record, own) {
  const row = call('open', record)[1];
  if (row === undefined) throw new Error(`no record ${record} is shared with this account`);
  const [ciphertext, wrapped, , kind] = row;
  return { ciphertext, key: unwrap(wrapped, own), kind };
}

if (!existsSync(keyFile)) {
  const made = crypto.generateKeyPairSync('x25519').privateKey;
  writeFileSync(keyFile, made.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}
const own = crypto.createPrivateKey(readFileSync(keyFile));

switch (command) {
  case 'announce':
    call('announce', raw(crypto.createPublicKey(own)));
    break;
  case 'add': {
    const [kind, text] = rest;
    const key = crypto.randomBytes(32);
    const wrapped = wrap(key, raw(crypto.createPublicKey(own)));
    console.log(call('add', kind, seal(key, text, kind), wrapped)[0][0]);
    break;
  }
  case 'share': {
    const [record, reader, days] = rest;
    const found = call('public_key', reader)[0];
    if (found === undefined) throw new Error(`${reader} has announced no key`);
    call('share', record, reader, wrap(open(record, own).key, found[1]), days);
    break;
  }
  case 'read': {
    const { ciphertext, key, kind } = open(rest[0], own);
    console.log(unseal(key, ciphertext, kind).toString());
    break;
  }
  default:
    throw new Error(`there is no command ${command}`);
}
