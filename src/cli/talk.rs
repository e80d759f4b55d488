//! Puts events into words on stderr, while a flow runs.

use crate::cli::settings::Settings;
use crate::model::event::Event;

/// Writes one line per event; what only matters to a terminal is left out elsewhere.
pub struct Talk {
    is_terminal: bool,
}

impl Talk {
    pub fn new(settings: &Settings) -> Talk {
        Talk { is_terminal: settings.is_terminal }
    }

    /// Takes an event, from any thread.
    pub fn tell(&self, event: Event) {
        if let Some(line) = words(&event, self.is_terminal) {
            eprintln!("{line}");
        }
    }
}

/// The line for an event; `None` for what is progress only.
pub fn words(event: &Event, _is_terminal: bool) -> Option<String> {
    Some(match event {
        Event::TagForced { tag, by } => format!("note: `{tag}` is in force, by {by}, not by the history"),
        Event::TagNotHere { tag } => {
            format!("note: `{tag}` is no tag of this repository; it is taken as a candidate of a channel")
        }
        Event::DriftUnknown { tag } => {
            format!("warning: the recipes of {tag} are not in this partial clone; whether they differ is not known")
        }
        Event::Drifted { tag, recipes } => {
            format!("warning: the recipes differ from those of {tag}: {}", recipes.join(", "))
        }
        Event::ShallowHistory => "warning: the history is shallow; a deeper one could change the answer".to_owned(),
        Event::Waiting { what, holder: Some(holder) } => format!("waiting for {what}, which {holder} holds"),
        Event::Waiting { what, holder: None } => format!("waiting for {what}"),
        Event::ChannelSkipped { channel, reason } => format!("warning: channel `{channel}` is skipped: {reason}"),
        Event::Unsigned { channel } => format!("warning: channel `{channel}` is unsigned; anyone could have made it"),
        Event::Fetching { .. } | Event::Unpacked { .. } => return None,
        Event::SourceFetching { name, place } => format!("{name}: fetching from {place}"),
        Event::SourcePlaceFailed { name, place, reason } => format!("{name}: not from {place}: {reason}"),
        Event::StepStarted { name, step } => format!("{name}: {step}"),
        Event::StepFinished { name, step, seconds } => format!("{name}: {step} done in {seconds} s"),
        Event::Packed { name, version, files, relocated, size } => {
            format!("{name}: packed {version}: {files} files, {relocated} with the prefix inside, {size} bytes")
        }
        Event::Alive { name, step, seconds } => format!("{name}: {step} still runs after {seconds} s"),
        Event::SandboxLevel { level, reason: Some(reason) } => format!("sandbox: {level} ({reason})"),
        Event::SandboxLevel { level, reason: None } => format!("sandbox: {level}"),
        Event::Published { path, was_there: true } => format!("already there: {path}"),
        Event::Published { path, was_there: false } => format!("published {path}"),
        Event::Note { text } => format!("note: {text}"),
    })
}
