//! Looks into packed data: the members of gzip, xz, zstd, bzip2 and zip files, and the compressed sections of ELF files
//! and of the objects in static libraries.
//!
//! Decodes one level; hands each member on as a stream. Reads the file as it goes, writes nothing.

use std::io::{BufRead, Read, Seek, SeekFrom};

use liblzma::stream::{CONCATENATED, Stream};

use crate::relocate::elf::{CompressedSection, Facts, SectionPacking};
use crate::relocate::kind::{Kind, Packing};

/// The largest object of a static library whose sections are looked at, in bytes.
const LARGEST_OBJECT: u64 = 64 << 20;

/// The most memory that the decoder of a stream may take, in bytes: what `xz -9` asks for, and some.
const LARGEST_DICTIONARY: u64 = 80 << 20;

/// The largest table of long names in a static library, in bytes.
const LARGEST_NAMES: u64 = 16 << 20;

/// Takes the name of a member and its decoded bytes, as far as they can be read.
pub type Look<'a> = &'a mut dyn FnMut(&str, &mut dyn Read);

/// Hands every packed member of a file to `look`; a file without any gives none. `sections` are the compressed ones of
/// an ELF file.
///
/// A stream that turns out to be damaged ends there: what nobody can decode hides nothing.
///
/// # Errors
/// [`Unseen`] for a zip member that could be read with another program but not with this one.
pub fn each_member(
    source: &mut (impl BufRead + Seek),
    kind: Kind,
    sections: &[CompressedSection],
    look: Look<'_>,
) -> Result<(), Unseen> {
    match kind {
        Kind::Compressed(Packing::Gzip) => look("gzip", &mut flate2::bufread::MultiGzDecoder::new(source)),
        Kind::Compressed(Packing::Xz) => {
            let stream = Stream::new_stream_decoder(LARGEST_DICTIONARY, CONCATENATED);
            let stream = stream.map_err(|error| Unseen { member: "xz".to_owned(), reason: error.to_string() })?;
            return look_bounded("xz", liblzma::bufread::XzDecoder::new_stream(source, stream), look);
        }
        Kind::Compressed(Packing::Bzip2) => look("bzip2", &mut bzip2::bufread::MultiBzDecoder::new(source)),
        Kind::Compressed(Packing::Zstd) => return look_zstd("zstd", source, look),
        Kind::Compressed(Packing::Zip) => return look_zip(source, look),
        Kind::Elf => {
            for section in sections {
                look_section("", source, section, look)?;
            }
        }
        Kind::Archive => return look_library(source, look),
        Kind::Script | Kind::Text | Kind::Opaque => {}
    }
    Ok(())
}

fn look_zstd(name: &str, source: impl BufRead, look: Look<'_>) -> Result<(), Unseen> {
    // Who takes windows of more than 128 MiB is refused by the decoder itself.
    match zstd::stream::read::Decoder::with_buffer(source) {
        Ok(decoder) => look_bounded(name, decoder, look),
        Err(error) => Err(Unseen { member: name.to_owned(), reason: error.to_string() }),
    }
}

/// Looks into a stream whose decoder may ask for more memory than it gets: then it is not damaged, but unseen.
fn look_bounded(name: &str, decoder: impl Read, look: Look<'_>) -> Result<(), Unseen> {
    let mut bounded = Bounded { decoder, refused: None };
    look(name, &mut bounded);
    match bounded.refused {
        Some(reason) => Err(Unseen { member: name.to_owned(), reason }),
        None => Ok(()),
    }
}

/// Remembers when a decoder gave up for want of memory.
struct Bounded<R> {
    decoder: R,
    refused: Option<String>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.decoder.read(buffer).inspect_err(|error| {
            let text = error.to_string();
            if text.contains("memory") {
                self.refused = Some(text);
            }
        })
    }
}

fn look_section(
    object: &str,
    source: &mut (impl BufRead + Seek),
    section: &CompressedSection,
    look: Look<'_>,
) -> Result<(), Unseen> {
    // What cannot be reached is damaged.
    if source.seek(SeekFrom::Start(section.start as u64)).is_err() {
        return Ok(());
    }
    let name = if object.is_empty() { section.name.clone() } else { format!("{object}: {}", section.name) };
    let packed = source.take((section.end - section.start) as u64);
    match section.packing {
        SectionPacking::Zlib => look(&name, &mut flate2::bufread::ZlibDecoder::new(packed)),
        SectionPacking::Zstd => return look_zstd(&name, packed, look),
    }
    Ok(())
}

/// The objects of a static library (ar(5)), each with its compressed sections; ends where the file is damaged.
fn look_library(source: &mut (impl BufRead + Seek), look: Look<'_>) -> Result<(), Unseen> {
    let (mut at, mut long_names) = (8u64, Vec::new());
    let mut header = [0; 60];
    while source.seek(SeekFrom::Start(at)).is_ok() && source.read_exact(&mut header).is_ok() {
        let text = |part: &[u8]| String::from_utf8_lossy(part).trim().to_owned();
        let Ok(size) = text(&header[48..58]).parse::<u64>() else { return Ok(()) };
        let name = text(&header[..16]);
        let start = at + 60;
        // Members start at even places.
        let Some(end) = start.checked_add(size).and_then(|end| end.checked_add(end % 2)) else { return Ok(()) };
        let mut bytes = Vec::new();
        if name == "//" {
            // As in all of this function, a read error is the end of the file.
            let _ = source.take(size.min(LARGEST_NAMES)).read_to_end(&mut long_names);
        } else if source.take(size.min(4)).read_to_end(&mut bytes).is_ok() && bytes == *b"\x7fELF" {
            let rest = source.take(size.min(LARGEST_OBJECT) - 4).read_to_end(&mut bytes);
            let facts = rest.ok().and_then(|_| Facts::read(&bytes).ok());
            let name = long_name(&name, &long_names).unwrap_or_else(|| name.trim_end_matches('/').to_owned());
            for section in facts.iter().flat_map(|facts| &facts.compressed) {
                look_section(&name, &mut std::io::Cursor::new(&bytes), section, look)?;
            }
        }
        at = end;
    }
    Ok(())
}

/// `/123`: the name at that place of the table of long names, which ends in `/`.
fn long_name(name: &str, table: &[u8]) -> Option<String> {
    let place: usize = name.strip_prefix('/')?.parse().ok()?;
    let rest = table.get(place..)?;
    let name = rest.split(|byte| *byte == b'\n').next()?;
    Some(String::from_utf8_lossy(&name[..name.len().min(200)]).trim_end_matches('/').to_owned())
}

fn look_zip(source: &mut (impl BufRead + Seek), look: Look<'_>) -> Result<(), Unseen> {
    // What starts like a zip file and is none is opaque.
    let Ok(mut archive) = zip::ZipArchive::new(source) else { return Ok(()) };
    for place in 0..archive.len() {
        let name = archive.name_for_index(place).unwrap_or_default().to_owned();
        match archive.by_index(place) {
            Ok(mut member) => look(&name, &mut member),
            Err(zip::result::ZipError::UnsupportedArchive(reason)) => {
                return Err(Unseen { member: name, reason: reason.to_owned() });
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// A member that this program cannot decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    pub member: String,
    pub reason: String,
}
