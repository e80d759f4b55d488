//! `tagalong elf show`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::elf::exit;
use crate::cli::failure::Failure;
use crate::cli::print::print;
use crate::cli::settings::Settings;
use crate::flow::elf_show;
use crate::relocate::elf::edit::{Execstack, Report};

/// Shows what ELF files say of themselves
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json one object a line for each FILE, with the keys path, header (class, endianness, \
    machine, type, os_abi, entry, flags, sections), segments (type, flags, offset, address, file_size, memory_size, \
    align), dynamic (tag, name, value and, for strings, text), interpreter, soname, needed, rpath, runpath, execstack \
    (set, clear or absent), versions (defined; needed: library, versions), notes (owner, type, content in \
    hexadecimal), build_id, properties (type, name, content). What is not there is null.")]
pub struct Arguments {
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
    /// Programs, libraries or objects
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let mut failures = Vec::new();
    for (number, file) in arguments.files.iter().enumerate() {
        match elf_show::show(&settings.directory.join(file)) {
            Ok(report) if arguments.json => {
                print(&format!("{}\n", to_json(file, &report)))?;
            }
            Ok(report) => {
                let gap = if number > 0 { "\n" } else { "" };
                print(&format!("{gap}{}\n", lines(file, &report).join("\n")))?;
            }
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    Ok(exit(&failures))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kind(report: &Report) -> String {
    match report.kind {
        1 => "object".to_owned(),
        2 => "program".to_owned(),
        3 => "shared".to_owned(),
        4 => "core".to_owned(),
        kind => format!("{kind:#x}"),
    }
}

fn machine(machine: u16) -> String {
    let name = match machine {
        3 => "i386",
        8 => "mips",
        20 => "ppc",
        21 => "ppc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv",
        258 => "loongarch",
        _ => return machine.to_string(),
    };
    name.to_owned()
}

fn execstack(report: &Report) -> &'static str {
    match report.execstack {
        Execstack::Set => "set",
        Execstack::Clear => "clear",
        Execstack::Absent => "absent",
    }
}

fn to_json(path: &Path, report: &Report) -> Value {
    let one = |name: &str| report.texts(name).last().map(|bytes| text(bytes));
    let segments = report.segments.iter().map(|segment| {
        json!({
            "type": segment.kind, "flags": segment.flags, "offset": segment.offset, "address": segment.address,
            "file_size": segment.in_file, "memory_size": segment.in_memory, "align": segment.align,
        })
    });
    let dynamic = report.dynamic.iter().map(|line| {
        let mut object = json!({ "tag": line.tag, "name": line.name, "value": line.value });
        if let Some(bytes) = &line.text {
            object["text"] = text(bytes).into();
        }
        object
    });
    let needed = report.versions_needed.iter();
    let needed = needed.map(|need| json!({ "library": need.library, "versions": need.versions }));
    let notes = report.notes.iter();
    let notes =
        notes.map(|note| json!({ "owner": note.owner, "type": note.kind, "content": hexadecimal(&note.content) }));
    let properties = report.properties();
    let properties = properties.iter().map(
        |property| json!({ "type": property.kind, "name": property.name, "content": hexadecimal(&property.content) }),
    );
    json!({
        "path": path.to_string_lossy(),
        "header": {
            "class": if report.is_wide { 64 } else { 32 },
            "endianness": if report.is_little_endian { "little" } else { "big" },
            "machine": machine(report.machine),
            "type": kind(report),
            "os_abi": report.os_abi.to_string(),
            "entry": report.entry,
            "flags": report.flags,
            "sections": report.sections,
        },
        "segments": segments.collect::<Vec<_>>(),
        "dynamic": dynamic.collect::<Vec<_>>(),
        "interpreter": report.interpreter.as_deref().map(text),
        "soname": one("SONAME"),
        "needed": report.texts("NEEDED").iter().map(|bytes| text(bytes)).collect::<Vec<_>>(),
        "rpath": one("RPATH"),
        "runpath": one("RUNPATH"),
        "execstack": execstack(report),
        "versions": { "defined": report.versions_defined, "needed": needed.collect::<Vec<_>>() },
        "notes": notes.collect::<Vec<_>>(),
        "build_id": report.build_id(),
        "properties": properties.collect::<Vec<_>>(),
    })
}

fn lines(path: &Path, report: &Report) -> Vec<String> {
    let endianness = if report.is_little_endian { "little" } else { "big" };
    let class = if report.is_wide { 64 } else { 32 };
    let mut lines = vec![
        path.display().to_string(),
        format!(
            "  header: {} for {}, {class} bits, {endianness} endian, {}",
            kind(report),
            machine(report.machine),
            report.os_abi
        ),
    ];
    let mut add = |name: &str, value: Option<String>| lines.extend(value.map(|value| format!("  {name}: {value}")));
    add("interpreter", report.interpreter.as_deref().map(text));
    for (label, name) in [("soname", "SONAME"), ("needed", "NEEDED"), ("rpath", "RPATH"), ("runpath", "RUNPATH")] {
        report.texts(name).iter().for_each(|bytes| add(label, Some(text(bytes))));
    }
    add("execstack", Some(execstack(report).to_owned()));
    add("build id", report.build_id());
    for need in &report.versions_needed {
        add("versions needed", Some(format!("{}: {}", need.library, need.versions.join(", "))));
    }
    add("versions defined", Some(report.versions_defined.join(", ")).filter(|list| !list.is_empty()));
    for property in report.properties() {
        let name = property.name.map_or_else(|| format!("{:#x}", property.kind), str::to_owned);
        add("property", Some(format!("{name}: {}", hexadecimal(&property.content))));
    }
    for segment in &report.segments {
        let place = format!("{:#x} at {:#x}", segment.offset, segment.address);
        add(
            "segment",
            Some(format!(
                "{} {} {place}, {:#x} of {:#x} bytes",
                segment.kind, segment.flags, segment.in_file, segment.in_memory
            )),
        );
    }
    lines
}
