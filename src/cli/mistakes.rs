//! Shows the mistakes of a file with the line, a caret and a hint, as rustc does; the only file that knows
//! `annotate-snippets`.
//!
//! Does not find mistakes.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::toml_file::{Mistake, Mistakes};

/// The report on one file, a paragraph per mistake, with a line break at its end.
pub fn render(mistakes: &Mistakes, is_coloured: bool) -> String {
    let renderer = if is_coloured { Renderer::styled() } else { Renderer::plain() };
    let mut report = String::new();
    for mistake in &mistakes.list {
        report.push_str(renderer.render(&[group(mistakes, mistake)]).trim_end());
        report.push_str("\n\n");
    }
    report.trim_end().to_owned() + "\n"
}

/// All reports, one after another.
pub fn render_all(files: &[Mistakes], is_coloured: bool) -> String {
    files.iter().map(|mistakes| render(mistakes, is_coloured)).collect::<Vec<_>>().join("\n")
}

fn group<'a>(mistakes: &'a Mistakes, mistake: &'a Mistake) -> Group<'a> {
    let title = Level::ERROR.primary_title(normalize_untrusted_str(&mistake.what));
    let mut group = Group::with_title(title);
    if !mistakes.text.is_empty() {
        let span = first_line(&mistakes.text, mistake);
        let snippet = Snippet::source(mistakes.text.as_str())
            .path(normalize_untrusted_str(&mistakes.name))
            .annotation(AnnotationKind::Primary.span(span));
        group = group.element(snippet);
    } else {
        group = group.element(annotate_snippets::Origin::path(normalize_untrusted_str(&mistakes.name)));
    }
    match &mistake.hint {
        Some(hint) => group.element(Level::HELP.message(normalize_untrusted_str(hint))),
        None => group,
    }
}

/// The part of a mistake's range that is on its first line: a table as a whole is shown by its head.
fn first_line(text: &str, mistake: &Mistake) -> std::ops::Range<usize> {
    let mut start = mistake.span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let mut end = mistake.span.end.clamp(start, line_end);
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
