//! Fossil deltas: the difference between two payloads, for subscriptions with deltas.
//!
//! Channel shards make a delta at most once per publication and encoding, not once per receiver. The clients' libraries read
//! the format of the Fossil version control system: `length\n`, then instructions (`n@offset,` copies from the source,
//! `n:bytes` inserts), then `checksum;`, with numbers in base 64. For all contents, the lengths of source and target bound time
//! and memory. The caller compares lengths and decides whether a delta is worth sending.

/// The length of a block in bytes. A copy is found only if it contains at least one whole block of the source.
const BLOCK: usize = 16;
/// The largest number of slots that one look-up in [`Blocks`] checks.
const PROBES: usize = 8;
/// The longest target that [`apply`] produces, in bytes.
const APPLIED_MAX: usize = 16 * 1024 * 1024;
/// The digits of numbers in base 64. On the wire, the most significant digit comes first.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

/// The delta that turns `source` into `target`. If `target` is UTF-8, the delta is UTF-8, too, because no character is split.
#[must_use]
pub fn fossil(source: &[u8], target: &[u8]) -> Vec<u8> {
    let mut delta = Vec::with_capacity(64);
    put_number(&mut delta, target.len() as u64);
    delta.push(b'\n');
    let blocks = Blocks::of(source);
    // The delta so far produces the target up to `done`. No block was found between `done` and `at`; but the next copy may
    // extend back over bytes before `at`.
    let (mut done, mut at) = (0, 0);
    let mut hash = Rolling::over(target, at);
    while let Some(rolled) = hash {
        let Some(copy) =
            blocks.find(rolled.0, target, at).map(|found| Copy::around(source, target, found, at, done))
        else {
            hash = rolled.next(target, at);
            at += 1;
            continue;
        };
        put_insert(&mut delta, &target[done..copy.to]);
        put_number(&mut delta, copy.length as u64);
        delta.push(b'@');
        put_number(&mut delta, copy.from as u64);
        delta.push(b',');
        done = copy.to + copy.length;
        at = done;
        hash = Rolling::over(target, at);
    }
    put_insert(&mut delta, &target[done..]);
    put_number(&mut delta, u64::from(checksum(target)));
    delta.push(b';');
    delta
}

/// Applies a delta as a client does; `None` if the delta does not fit this source. Tests use this function to check deltas.
#[must_use]
pub fn apply(source: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    let length = usize::try_from(take_number(&mut rest)?).ok().filter(|length| *length <= APPLIED_MAX)?;
    take_byte(&mut rest, b'\n')?;
    let mut target = Vec::new();
    loop {
        let number = take_number(&mut rest)?;
        let (kind, after) = rest.split_first()?;
        rest = after;
        if *kind == b';' {
            let whole = rest.is_empty() && target.len() == length && u64::from(checksum(&target)) == number;
            return whole.then_some(target);
        }
        let count = usize::try_from(number).ok().filter(|count| *count <= length - target.len())?;
        match kind {
            b'@' => {
                let from = usize::try_from(take_number(&mut rest)?).ok()?;
                take_byte(&mut rest, b',')?;
                target.extend_from_slice(source.get(from..from.checked_add(count)?)?);
            }
            b':' => {
                let (inserted, after) = rest.split_at_checked(count)?;
                target.extend_from_slice(inserted);
                rest = after;
            }
            _ => return None,
        }
    }
}

/// A range of bytes that source and target have in common.
struct Copy {
    from: usize,
    to: usize,
    length: usize,
}

impl Copy {
    /// The longest common range around the common block at `from` in the source and at `to` in the target. The range starts at
    /// or after `done` in the target, and splits no character.
    fn around(source: &[u8], target: &[u8], from: usize, to: usize, done: usize) -> Self {
        let before = source[..from].iter().rev().zip(target[done..to].iter().rev());
        let back = before.take_while(|(a, b)| a == b).count();
        let forth = source[from..].iter().zip(&target[to..]).take_while(|(a, b)| a == b).count();
        let (mut start, mut end) = (to - back, to + forth);
        // A character has at most three continuation bytes.
        start += (0..3).take_while(|n| is_continuation(target, start + n)).count();
        end -= (0..3).take_while(|n| is_continuation(target, end - n)).count();
        Self { from: from + start - to, to: start, length: end - start }
    }
}

/// Whether the byte at `at` continues a UTF-8 character. A copy must neither begin nor end directly before such a byte.
fn is_continuation(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// A hash table of the source's blocks. A block is left out if its candidate slots are all used. So if many blocks are equal,
/// only the first ones are in the table.
struct Blocks<'a> {
    source: &'a [u8],
    /// Each slot holds the number of a block (counted from 1), or 0 if the slot is free. The number of slots is a power of two.
    slots: Vec<u32>,
}

impl<'a> Blocks<'a> {
    fn of(source: &'a [u8]) -> Self {
        let count = (source.len() / BLOCK).min(u32::MAX as usize - 1);
        let mut blocks = Self { source, slots: vec![0; (2 * count).next_power_of_two()] };
        for (number, block) in (1..).zip(source.chunks_exact(BLOCK).take(count)) {
            let mut candidates = blocks.candidates(Rolling::of(block).0);
            if let Some(free) = candidates.find(|slot| blocks.slots[*slot] == 0) {
                blocks.slots[free] = number;
            }
        }
        blocks
    }

    /// The slots that a block with this hash may be in.
    fn candidates(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        // The multiplication spreads similar hashes over the table.
        let first = (hash.wrapping_mul(0x9e37_79b1) >> 8) as usize;
        (0..PROBES).map(move |step| (first + step) & mask)
    }

    /// The position of a block of the source that equals the block at `at` in the target. `hash` is the hash of that block.
    fn find(&self, hash: u32, target: &[u8], at: usize) -> Option<usize> {
        let wanted = &target[at..at + BLOCK];
        self.candidates(hash)
            .map_while(|slot| (self.slots[slot] as usize).checked_sub(1))
            .map(|number| number * BLOCK)
            .find(|from| self.source[*from..*from + BLOCK] == *wanted)
    }
}

/// A rolling hash of [`BLOCK`] bytes: a move of the hash by one byte has a constant cost.
#[derive(Clone, Copy)]
struct Rolling(u32);

impl Rolling {
    const FACTOR: u32 = 0x0100_0193;
    /// The factor of a block's oldest byte in the hash of the block.
    const OLDEST: u32 = Self::FACTOR.wrapping_pow(BLOCK as u32 - 1);

    fn of(block: &[u8]) -> Self {
        Self(
            block
                .iter()
                .fold(0, |hash: u32, byte| hash.wrapping_mul(Self::FACTOR).wrapping_add(u32::from(*byte))),
        )
    }

    /// The hash of the block at `at`; `None` if fewer than [`BLOCK`] bytes are left.
    fn over(text: &[u8], at: usize) -> Option<Self> {
        text.get(at..at + BLOCK).map(Self::of)
    }

    /// Moves the hash from the block at `at` to the block that starts one byte later.
    fn next(self, text: &[u8], at: usize) -> Option<Self> {
        let newest = text.get(at + BLOCK)?;
        let without_oldest = self.0.wrapping_sub(u32::from(text[at]).wrapping_mul(Self::OLDEST));
        Some(Self(without_oldest.wrapping_mul(Self::FACTOR).wrapping_add(u32::from(*newest))))
    }
}

/// The sum of the text as big-endian words of 32 bits. The last word is filled up with zeros.
fn checksum(text: &[u8]) -> u32 {
    text.chunks(4).fold(0, |sum: u32, word| {
        let mut padded = [0; 4];
        padded[..word.len()].copy_from_slice(word);
        sum.wrapping_add(u32::from_be_bytes(padded))
    })
}

fn put_insert(delta: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_number(delta, bytes.len() as u64);
        delta.push(b':');
        delta.extend_from_slice(bytes);
    }
}

fn put_number(delta: &mut Vec<u8>, number: u64) {
    let digits = (64 - number.leading_zeros()).div_ceil(6).max(1);
    for place in (0..digits).rev() {
        delta.push(DIGITS[(number >> (6 * place)) as usize & 63]);
    }
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let digits = rest.iter().take_while(|byte| DIGITS.contains(byte)).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    // Ten digits hold 60 bits, which is enough for every length.
    (1..=10).contains(&digits).then(|| {
        number.iter().fold(0, |number, byte| {
            number << 6 | DIGITS.iter().position(|digit| digit == byte).unwrap_or(0) as u64
        })
    })
}

fn take_byte(rest: &mut &[u8], wanted: u8) -> Option<()> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    (*first == wanted).then_some(())
}

#[cfg(test)]
#[path = "delta_tests.rs"]
mod tests;
