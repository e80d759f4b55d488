//! What every message keeps: design section 7 and the rule on messages, as code.

use clap::CommandFactory;
use tagalong::cli::Arguments;

use crate::told::Told;

/// Messages whose first line says the reason already, by the start of that line, and why nothing can be added.
pub const NEEDS_NO_WHY: [(&str, &str); 3] = [
    ("there is no recipe `", "a name that does not exist has no reason; next names the nearest one or the list"),
    ("nothing is installed in `", "an empty folder has no reason"),
    ("`/srv/roots/debian` is not a folder", "it says what is expected and what was given"),
];

/// Words of programs that talk about themselves, or that blame.
const BANNED: [&str; 9] = [
    "failed to",
    "invalid input",
    "illegal",
    "unable to",
    "oops",
    "sorry",
    "please",
    "an error occurred",
    "unexpected error",
];

/// What is wrong about a message, one line each.
pub fn broken(room: &str, told: &Told) -> Vec<String> {
    let at = format!("{room}: {}", told.name);
    let mut broken = Vec::new();
    let mut note = |what: &str| broken.push(format!("{at}: {what}\n{}", told.text));
    if !(1..=8).contains(&told.code) {
        note("its exit code is not documented");
    }
    if told.what().is_empty() {
        note("it does not say what");
    }
    if told.why().is_empty() && !told.has_report() && !NEEDS_NO_WHY.iter().any(|(line, _)| is_excused(told, line)) {
        note("it does not say why");
    }
    if told.next().is_empty() {
        note("it does not say what next");
    }
    let starts_right = |line: &str| line.starts_with(|c: char| !c.is_uppercase());
    if !starts_right(told.what()) || !told.next().iter().all(|line| starts_right(line)) {
        note("a line starts with a capital");
    }
    let all: Vec<&str> = [told.what()].into_iter().chain(told.why()).chain(told.next()).collect();
    broken.extend(all.iter().flat_map(|line| broken_line(&at, line)));
    broken.extend(told.next().iter().flat_map(|line| unknown_commands(&at, line)));
    broken
}

/// Whether a message goes without a why for the reason on the list that starts with `line`.
pub fn is_excused(told: &Told, line: &str) -> bool {
    told.why().is_empty() && !told.has_report() && told.what().starts_with(line)
}

/// What is wrong about one line.
pub fn broken_line(at: &str, line: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut note = |what: &str| broken.push(format!("{at}: {what}: {line}"));
    if line.ends_with(['.', '!', ' ']) || line.is_empty() {
        note("it ends with a full stop, or with nothing");
    }
    if !line.matches('`').count().is_multiple_of(2) {
        note("a backtick is alone");
    }
    // What the system says about a file is repeated as it is; it names the path and the error number.
    let is_of_system = line.contains("(os error ");
    for banned in BANNED {
        if line.to_lowercase().contains(banned) && !is_of_system {
            note(&format!("it says `{banned}`"));
        }
    }
    broken
}

/// Commands and options of ours in backticks that the command line does not know.
fn unknown_commands(at: &str, line: &str) -> Vec<String> {
    let pasted = line.split('`').skip(1).step_by(2);
    pasted.filter_map(|text| unknown(text).map(|what| format!("{at}: {what}: {line}"))).collect()
}

fn unknown(text: &str) -> Option<String> {
    let mut command = Arguments::command();
    command.build();
    let mut words = text.split_whitespace();
    match words.next()? {
        "tagalong" => {}
        option if option.starts_with("--") => {
            return (!has_option(&command, option)).then(|| format!("no verb has the option `{option}`"));
        }
        _ => return None,
    }
    let mut here = &command;
    while let Some(word) = words.next() {
        if word == "-C" {
            words.next();
        } else if let Some(option) = word.strip_prefix("--") {
            if !here.get_arguments().any(|argument| argument.get_long() == Some(option)) {
                return Some(format!("`{}` has no option `{word}`", here.get_name()));
            }
        } else if here.has_subcommands() {
            match here.find_subcommand(word) {
                Some(found) => here = found,
                None => return Some(format!("`{}` has no verb `{word}`", here.get_name())),
            }
        }
    }
    None
}

fn has_option(command: &clap::Command, word: &str) -> bool {
    let own =
        command.get_arguments().any(|argument| Some(word) == argument.get_long().map(|l| format!("--{l}")).as_deref());
    own || command.get_subcommands().any(|below| has_option(below, word))
}
