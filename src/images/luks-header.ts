/**
 * A LUKS header with one key slot. QEMU's own measures its processor for 2 s to choose the number of iterations, for
 * each layer, and sometimes fails at that; a passphrase of 256 random bits needs none of it. Format: "LUKS On-Disk
 * Format Specification" 1.2.3, as QEMU's `crypto/block-luks.c` reads it.
 */
import { createCipheriv, createHash, pbkdf2Sync, randomBytes, randomUUID } from 'node:crypto';

const SECTOR = 512;
/** AES-256 in XTS mode has two keys of 32 bytes. */
const KEY_BYTES = 64;
const STRIPES = 4000;
const SLOTS = 8;
const FIRST_SLOT_SECTOR = 8;
const SLOT_SECTORS = Math.ceil((KEY_BYTES * STRIPES) / 4096) * 8;
/** Iterations make guesses of a passphrase slow; nobody guesses this one. The least that LUKS allows. */
const ITERATIONS = 1000;
const ACTIVE = 0x00ac71f3;
const INACTIVE = 0x0000dead;

/** Size of the header with the space of all slots, in bytes. */
export const LUKS_HEADER_BYTES = (FIRST_SLOT_SECTOR + SLOTS * SLOT_SECTORS) * SECTOR;

/** The header, up to the end of its key slot; what follows is zero. Its master key is random, and nowhere else. */
export function luksHeader(passphrase: string): Buffer {
  const masterKey = randomBytes(KEY_BYTES);
  const material = split(masterKey);
  const header = Buffer.alloc(FIRST_SLOT_SECTOR * SECTOR + material.length);
  header.write('LUKS\xba\xbe', 0, 'latin1');
  header.writeUInt16BE(1, 6);
  header.write('aes', 8);
  header.write('xts-plain64', 40);
  header.write('sha256', 72);
  header.writeUInt32BE(LUKS_HEADER_BYTES / SECTOR, 104);
  header.writeUInt32BE(KEY_BYTES, 108);
  const digestSalt = randomBytes(32);
  pbkdf2Sync(masterKey, digestSalt, ITERATIONS, 20, 'sha256').copy(header, 112);
  digestSalt.copy(header, 132);
  header.writeUInt32BE(ITERATIONS, 164);
  header.write(randomUUID(), 168);
  const slotSalt = randomBytes(32);
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = 208 + 48 * slot;
    header.writeUInt32BE(slot === 0 ? ACTIVE : INACTIVE, at);
    if (slot === 0) {
      header.writeUInt32BE(ITERATIONS, at + 4);
      slotSalt.copy(header, at + 8);
    }
    header.writeUInt32BE(FIRST_SLOT_SECTOR + slot * SLOT_SECTORS, at + 40);
    header.writeUInt32BE(STRIPES, at + 44);
  }
  const slotKey = pbkdf2Sync(passphrase, slotSalt, ITERATIONS, KEY_BYTES, 'sha256');
  encrypted(material, slotKey).copy(header, FIRST_SLOT_SECTOR * SECTOR);
  masterKey.fill(0);
  return header;
}

/** The anti-forensic splitter: all stripes are needed to have the key. */
function split(key: Buffer): Buffer {
  const stripes = randomBytes(KEY_BYTES * STRIPES);
  let mixed: Buffer = Buffer.alloc(KEY_BYTES);
  for (let stripe = 0; stripe < STRIPES - 1; stripe++)
    mixed = diffused(xor(mixed, stripes.subarray(stripe * KEY_BYTES, (stripe + 1) * KEY_BYTES)));
  xor(mixed, key).copy(stripes, (STRIPES - 1) * KEY_BYTES);
  return stripes;
}

function diffused(block: Buffer): Buffer {
  const parts = [0, 1].map((index) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    return createHash('sha256')
      .update(number)
      .update(block.subarray(index * 32, (index + 1) * 32))
      .digest();
  });
  return Buffer.concat(parts);
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ b[index]!));
}

function encrypted(material: Buffer, key: Buffer): Buffer {
  const sectors: Buffer[] = [];
  for (let at = 0; at < material.length; at += SECTOR) {
    const number = Buffer.alloc(16);
    number.writeBigUInt64LE(BigInt(at / SECTOR));
    sectors.push(createCipheriv('aes-256-xts', key, number).update(material.subarray(at, at + SECTOR)));
  }
  return Buffer.concat(sectors);
}
