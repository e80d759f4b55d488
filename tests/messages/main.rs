//! Every message that an error becomes, read as a whole: what, why, what next, and the exit code.
//!
//! The messages of a room are one snapshot. `rules.rs` holds what each must keep, `completeness.rs` reads the sources
//! and asks for a message of every variant, so that a new error cannot come without one.

mod audit;
mod builds;
mod checkout;
mod ci;
mod completeness;
mod elf;
mod events;
mod facts;
mod flows;
mod install;
mod machine;
mod publish;
mod recipes;
mod relocate;
mod rules;
mod seal;
mod sources;
mod told;

use crate::told::Told;

/// The rooms and all that they can say.
fn rooms() -> Vec<(&'static str, Vec<Told>)> {
    vec![
        ("archive", builds::archive()),
        ("audit", audit::audit()),
        ("build", builds::build()),
        ("channel", machine::channel()),
        ("checkout", checkout::checkout()),
        ("ci", ci::ci()),
        ("diff", builds::comparison()),
        ("elf", elf::elf()),
        ("host", machine::host()),
        ("http", machine::http()),
        ("install", install::install()),
        ("key", flows::key()),
        ("place", flows::place()),
        ("prefix_dir", machine::prefix_dir()),
        ("project", flows::project()),
        ("publish", publish::publish()),
        ("recipe", recipes::recipe()),
        ("relocate", relocate::relocate()),
        ("seal", seal::seal()),
        ("signing", machine::signing()),
        ("sources", sources::sources()),
        ("store", machine::store()),
        ("tag", ci::tags()),
    ]
}

#[test]
fn every_error_is_told_in_reviewed_words() {
    for (room, all) in rooms() {
        let text: Vec<String> = all.iter().map(ToString::to_string).collect();
        insta::with_settings!({ snapshot_path => "../snapshots", omit_expression => true }, {
            insta::assert_snapshot!(room, text.join("\n"));
        });
    }
}

#[test]
fn every_event_is_told_in_reviewed_words() {
    insta::with_settings!({ snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!("events", events::lines().join("\n"));
    });
}

#[test]
fn every_place_that_stays_is_told_in_reviewed_words() {
    insta::with_settings!({ snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!("relocate_left", relocate::lines().join("\n"));
    });
}

#[test]
fn messages_keep_the_rules() {
    let broken: Vec<String> =
        rooms().iter().flat_map(|(room, all)| all.iter().flat_map(|told| rules::broken(room, told))).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn exceptions_from_the_rules_are_still_needed() {
    let rooms = rooms();
    let is_needed = |line: &str| rooms.iter().any(|(_, all)| all.iter().any(|told| rules::is_excused(told, line)));
    let idle: Vec<_> = rules::NEEDS_NO_WHY.iter().filter(|(line, _)| !is_needed(line)).collect();
    assert!(idle.is_empty(), "these messages have a why, or are no longer said: {idle:?}");
}

#[test]
fn events_keep_the_rules() {
    let broken: Vec<String> = events::lines().iter().flat_map(|line| rules::broken_line("event", line)).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_variant_of_every_error_has_a_message_here() {
    let missing = completeness::variants_without_a_message();
    assert!(missing.is_empty(), "name these in tests/messages/, each with realistic facts:\n{}\n", missing.join("\n"));
}

#[test]
fn what_comes_from_outside_cannot_break_a_message_or_steer_a_terminal() {
    use tagalong::cli::failure::{Code, Failure};
    let failure = Failure::new(Code::Usage, "a\u{1b}[2Jb").why("one\n\n  two\r\n").next("x\ty");
    assert_eq!(failure.to_string(), "error: a\\u{1b}[2Jb\n  why: one two\n next: x\\ty\n");
}
