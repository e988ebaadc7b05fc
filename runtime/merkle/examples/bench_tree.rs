//! Cost of updates, memory, restart and proofs, beside the reference crate's own tree in one run.
//!
//!     cargo run --release -p dadbs-merkle --example bench_tree [-- --quick]
//!
//! Updates are CPU time (a shared machine distorts the wall clock), the rest is wall clock, medians. A
//! batch is half new keys, half existing ones. Ours keeps the last 16 versions alive, as a node does,
//! and frees the one before; the reference has the last one only. Memory is the growth of the resident
//! set, the allocator's own overhead included.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Oracle, Random, key, reference_verify};
use dadbs_merkle::{Hash, Tree, Versions, read_checkpoint, verify, write_checkpoint};
use std::error::Error;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let sizes: &[u64] = if quick { &[10_000, 100_000] } else { &[10_000, 1_000_000] };
    let mut table = vec![format!(
        "{:>9} {:>7} {:>12} {:>12} {:>7}",
        "leaves", "batch", "us/update", "reference", "ratio"
    )];
    let mut notes = Vec::new();
    // The largest first: memory that an earlier size gave back would hide its growth.
    for (at, &n) in sizes.iter().rev().enumerate() {
        size(n, at == 0, quick, &mut table, &mut notes)?;
    }
    println!("{}\n\n{}", table.join("\n"), notes.join("\n"));
    Ok(())
}

fn size(
    n: u64,
    with_memory: bool,
    quick: bool,
    table: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<()> {
    eprintln!("{n} leaves: building");
    let before = resident_bytes()?;
    let start = Instant::now();
    let tree = Tree::from_leaves((0..n).map(|i| (key(i), key(i + 1))));
    notes.push(format!("{n} leaves: built in {:.2} s", start.elapsed().as_secs_f64()));
    if with_memory {
        notes.push(format!("{n} leaves: {:.0} B per row", bytes_per(before, n)?));
        notes.push(format!("{n} leaves: {}", memory_of_versions(&tree, n)?));
    }
    eprintln!("{n} leaves: building the reference");
    let before = resident_bytes()?;
    let mut reference = Oracle::default();
    let start = Instant::now();
    for i in 0..n {
        reference.update(&[(key(i), Some(key(i + 1)))]);
    }
    notes.push(format!("{n} leaves, reference: built in {:.2} s", start.elapsed().as_secs_f64()));
    if with_memory {
        notes.push(format!("{n} leaves, reference: {:.0} B per row", bytes_per(before, n)?));
    }
    notes.push(restart(&tree)?);
    notes.push(proofs(&tree)?);
    updates(tree, &mut reference, n, quick, table)
}

fn updates(
    tree: Tree,
    reference: &mut Oracle,
    n: u64,
    quick: bool,
    table: &mut Vec<String>,
) -> Result<()> {
    let (mut height, mut known, mut tree) = (0, n, tree);
    let mut versions = Versions::new();
    versions.push(height, tree.clone())?;
    for (batch, rounds) in [(1, 5000), (1000, 40), (10_000, 10)] {
        let rounds = if quick { rounds / 4 } else { rounds };
        eprintln!("{n} leaves: {rounds} batches of {batch}");
        let mut random = Random(n + batch);
        let blocks: Vec<_> =
            (0..rounds).map(|_| half_new(&mut random, &mut known, batch)).collect();
        let start = cpu_seconds()?;
        for changes in &blocks {
            height += 1;
            tree = tree.update(changes);
            versions.push(height, tree.clone())?;
        }
        let ours = cpu_seconds()? - start;
        let start = cpu_seconds()?;
        for changes in &blocks {
            reference.update(changes);
        }
        let theirs = cpu_seconds()? - start;
        assert_eq!(tree.root(), reference.root(), "the roots differ");
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let updates = (batch * rounds) as f64;
        let (ours, theirs) = (ours * 1e6 / updates, theirs * 1e6 / updates);
        let ratio = theirs / ours;
        table.push(format!("{n:>9} {batch:>7} {ours:>12.2} {theirs:>12.2} {ratio:>6.1}x"));
    }
    Ok(())
}

/// A block: half of the keys new, half of them known.
fn half_new(random: &mut Random, known: &mut u64, batch: u64) -> Vec<(Hash, Option<Hash>)> {
    let mut change = |i: u64, random: &mut Random| {
        let is_new = if batch == 1 { random.below(2) == 0 } else { i.is_multiple_of(2) };
        *known += u64::from(is_new);
        let number = if is_new { *known - 1 } else { random.below(*known) };
        (key(number), Some(random.hash()))
    };
    (0..batch).map(|i| change(i, random)).collect()
}

fn restart(tree: &Tree) -> Result<String> {
    let mut bytes = Vec::new();
    let start = Instant::now();
    write_checkpoint(tree, 1, &mut bytes)?;
    let written = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let (_, restored) = read_checkpoint(&mut bytes.as_slice())?;
    let read = start.elapsed().as_secs_f64();
    assert_eq!(restored.root(), tree.root(), "the roots differ");
    let (n, length) = (tree.len(), bytes.len());
    Ok(format!("{n} leaves, checkpoint of {length} B: write {written:.2} s, restore {read:.2} s"))
}

fn proofs(tree: &Tree) -> Result<String> {
    let (mut sizes, mut generate, mut check, mut reference) = (vec![], vec![], vec![], vec![]);
    let root = tree.root();
    for i in 0..2000 {
        let asked = key(i * 37 % tree.len() as u64);
        let value = tree.get(&asked);
        let start = Instant::now();
        let proof = tree.prove(&asked);
        generate.push(start.elapsed().as_secs_f64() * 1e6);
        let start = Instant::now();
        verify(&root, &asked, value.as_ref(), &proof)?;
        check.push(start.elapsed().as_secs_f64() * 1e6);
        let start = Instant::now();
        let accepted = reference_verify(&root, &asked, value.as_ref(), &proof);
        reference.push(start.elapsed().as_secs_f64() * 1e6);
        assert!(accepted, "the reference refuses our proof");
        sizes.push(f64::from(u32::try_from(proof.len())?));
    }
    Ok(format!(
        "{} leaves, proof: {:.0} B, generate {:.1} us, verify {:.1} us (reference verifier {:.1} us)",
        tree.len(),
        median(sizes),
        median(generate),
        median(check),
        median(reference)
    ))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the scheduler has counted for this thread: exact to a tick of some milliseconds.
fn cpu_seconds() -> Result<f64> {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = schedstat.split_whitespace().next().ok_or("nothing in /proc/self/schedstat")?;
    Ok(nanos.parse::<f64>()? / 1e9)
}

fn resident_bytes() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).ok_or("no resident set in /proc/self/statm")?;
    Ok(pages.parse::<u64>()? * 4096)
}

/// What versions cost beyond the tree itself.
fn memory_of_versions(tree: &Tree, n: u64) -> Result<String> {
    let (mut random, mut known, mut versions) = (Random(n), n, vec![tree.clone()]);
    let before = resident_bytes()?;
    for _ in 0..16 {
        let changes = half_new(&mut random, &mut known, 1000);
        versions.push(versions[versions.len() - 1].update(&changes));
    }
    let per_update = bytes_per(before, 16 * 1000)?;
    Ok(format!("{per_update:.0} B per update of the versions kept (16 batches of 1000)"))
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn bytes_per(before: u64, n: u64) -> Result<f64> {
    Ok(resident_bytes()?.saturating_sub(before) as f64 / n as f64)
}
