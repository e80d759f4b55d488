//! Puts events into words on stderr, while a flow runs.
//!
//! Bars are drawn by `bars.rs`; what went wrong is worded in `failure/`.

use std::fmt;

use crate::cli::bars::Bars;
use crate::cli::failure::on_one_line;
use crate::cli::print::say;
use crate::cli::settings::Settings;
use crate::model::event::Event;

/// From this size on the end of a fetch is worth a line where there are no bars, in bytes.
const LARGE: u64 = 1 << 20;

/// Writes one line per event; progress is drawn as bars on a terminal.
pub struct Talk {
    bars: Option<Bars>,
    is_gitlab: bool,
}

impl Talk {
    pub fn new(settings: &Settings) -> Talk {
        Talk { bars: settings.is_terminal.then(Bars::new), is_gitlab: settings.is_gitlab }
    }

    /// Takes an event, from any thread.
    pub fn tell(&self, event: Event) {
        match (&self.bars, event) {
            (Some(bars), Event::Fetching { name, bytes, size }) => bars.advance(name.as_str(), bytes, size),
            (_, event) => {
                if let Some(line) = words(&event, self.bars.is_some()) {
                    self.say(&on_one_line(&line));
                }
            }
        }
    }

    /// Writes a line above the bars.
    pub fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.aside(|| say!("{line}")),
            None => say!("{line}"),
        }
    }

    /// Starts a part of the log that GitLab folds; elsewhere nothing is written. Ends when it is dropped.
    pub fn section(&self, name: &str, header: &str) -> Section {
        let section = Section { name: self.is_gitlab.then(|| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")) };
        section.mark("start", header);
        section
    }
}

/// A part of the log of a GitLab job, until it is dropped.
pub struct Section {
    name: Option<String>,
}

impl Section {
    /// Writes a mark as GitLab's job log documentation gives it ("custom collapsible sections").
    fn mark(&self, end: &str, header: &str) {
        let Some(name) = &self.name else { return };
        let now = crate::host::now();
        say!("\x1b[0Ksection_{end}:{now}:{name}\r\x1b[0K{header}");
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        self.mark("end", "");
    }
}

/// A count as people read it: `1,204`.
pub fn grouped(count: impl fmt::Display) -> String {
    let digits = count.to_string();
    let is_before_group = |place: usize| place > 0 && (digits.len() - place).is_multiple_of(3);
    digits.chars().enumerate().fold(String::new(), |mut text, (place, digit)| {
        if is_before_group(place) {
            text.push(',');
        }
        text.push(digit);
        text
    })
}

/// The line for an event; `None` for what is progress only.
pub fn words(event: &Event, has_bars: bool) -> Option<String> {
    Some(match event {
        Event::TagForced { tag, by } => format!("note: `{tag}` is in force, by {by}, not by the history"),
        Event::TagNotHere { tag } => {
            format!("note: `{tag}` is no tag of this repository; it is taken as a candidate of a channel")
        }
        Event::DriftUnknown { tag } => {
            format!("warning: the recipes of {tag} are not in this partial clone; whether they differ is not known")
        }
        Event::NotInHistory { folders } => format!(
            "note: these recipes are not under this history, so whether they differ is not known: {}",
            folders.join(", ")
        ),
        Event::Drifted { tag, recipes } => {
            format!("warning: the recipes differ from those of {tag}: {}", recipes.join(", "))
        }
        Event::ShallowHistory => "warning: the history is shallow; a deeper one could change the answer".to_owned(),
        Event::Waiting { what, holder: Some(holder) } => format!("waiting for {what}, which {holder} holds"),
        Event::Waiting { what, holder: None } => format!("waiting for {what}"),
        Event::ChannelSkipped { channel, reason } => format!("warning: channel `{channel}` is skipped: {reason}"),
        Event::Unsigned { channel } => format!("warning: channel `{channel}` is unsigned; anyone could have made it"),
        Event::Candidate { tag, channel } => {
            format!(
                "note: {tag} is no tag of this repository, but a candidate on channel `{channel}`, which may change"
            )
        }
        Event::Served { own, by } => format!("note: there is no bundle for {own}; the one of {by} serves it"),
        Event::OtherRecipes { tag, channel } => {
            format!("warning: {tag} was built from other recipes on channel `{channel}` than the tag has")
        }
        Event::Fetching { name, bytes, size } if bytes == size && *size >= LARGE && !has_bars => {
            format!("{name}: fetched {} bytes", grouped(size))
        }
        Event::Fetching { .. } | Event::Unpacked { .. } => return None,
        Event::UnpackedChanged { name, file } => format!(
            "warning: the store's unpacked {name} was changed (`{file}`) and is unpacked anew; a prefix that has hard \
             links to it is changed too, which `tagalong status --verify` shows"
        ),
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
        Event::Removed { path } => format!("removed {path}"),
        Event::Published { path, was_there: false } => format!("published {path}"),
        Event::KeyBuiltOtherwise { name, path } => {
            format!("warning: {name}: the same build key gave other bytes elsewhere; {path} stays as it is")
        }
        Event::UnusedAllowance { name, check, file } => {
            format!("warning: {name}: its recipe allows `{check}` for `{file}`, which nothing was found for")
        }
        Event::TakenFromHost { name, packages } => format!(
            "warning: {name} includes headers of the system's {}; a recipe for that, as one of its needs, makes it the \
             same everywhere",
            packages.join(", ")
        ),
        Event::Shadowed { name, folder } => format!("note: the recipe {name} of {folder} is not used: a nearer one is"),
        Event::BuiltElsewhere { name, ingredient, was, is } => {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            format!("warning: {name} was built with another {ingredient}: {}, here {}", value(was), value(is))
        }
        Event::Note { text } => format!("note: {text}"),
    })
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn counts_are_grouped_by_thousands() {
        let counts = [0, 12, 123, 1204, 123_456, 1_234_567].map(grouped);
        assert_eq!(counts, ["0", "12", "123", "1,204", "123,456", "1,234,567"]);
    }
}
