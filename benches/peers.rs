//! Lays out the bundle of field measurements as a published tag, and leaves it there: for `scripts/bench-peers`, which
//! gives the same tree to the peers.
//!
//! `TAGALONG_BENCH_PEERS`: by how much everything is smaller. Prints the folder of the world, below `TMPDIR`.

mod field_bundle;
#[path = "../tests/world/mod.rs"]
mod world;

use world::World;

fn main() {
    // `cargo bench` alone would leave 1 GB behind.
    let scale = std::env::var("TAGALONG_BENCH_PEERS").ok().and_then(|text| text.parse().ok());
    let Some(scale) = scale else { return };
    let world = World::with_key();
    world.published("deps-1", &field_bundle::packages("1", scale));
    println!("{}", world.keep().display());
}
