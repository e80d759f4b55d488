//! Looks into packed data: the members of gzip, xz, zstd, bzip2 and zip files, and the compressed sections of ELF.
//!
//! Decodes one level; hands each member on as a stream. Writes nothing.

use std::io::{Cursor, Read};

use crate::relocate::elf::{Facts, SectionPacking};
use crate::relocate::kind::{Kind, Packing};

/// Takes the name of a member and its decoded bytes, as far as they can be read.
pub type Look<'a> = &'a mut dyn FnMut(&str, &mut dyn Read);

/// Hands every packed member of a file to `look`; a file without any gives none.
///
/// A stream that turns out to be damaged ends there: what nobody can decode hides nothing.
///
/// # Errors
/// [`Unseen`] for a zip member that could be read with another program but not with this one.
pub fn each_member(bytes: &[u8], kind: Kind, facts: Option<&Facts>, look: Look<'_>) -> Result<(), Unseen> {
    match kind {
        Kind::Compressed(Packing::Gzip) => look("gzip", &mut flate2::bufread::MultiGzDecoder::new(bytes)),
        Kind::Compressed(Packing::Xz) => look("xz", &mut liblzma::bufread::XzDecoder::new_multi_decoder(bytes)),
        Kind::Compressed(Packing::Bzip2) => look("bzip2", &mut bzip2::bufread::MultiBzDecoder::new(bytes)),
        Kind::Compressed(Packing::Zstd) => look_zstd("zstd", bytes, look),
        Kind::Compressed(Packing::Zip) => return look_zip(bytes, look),
        Kind::Elf => {
            for section in facts.iter().flat_map(|facts| &facts.compressed) {
                let packed = &bytes[section.start..section.end];
                match section.packing {
                    SectionPacking::Zlib => look(&section.name, &mut flate2::bufread::ZlibDecoder::new(packed)),
                    SectionPacking::Zstd => look_zstd(&section.name, packed, look),
                }
            }
        }
        Kind::Archive | Kind::Script | Kind::Text | Kind::Opaque => {}
    }
    Ok(())
}

fn look_zstd(name: &str, bytes: &[u8], look: Look<'_>) {
    if let Ok(mut decoder) = zstd::stream::read::Decoder::with_buffer(bytes) {
        look(name, &mut decoder);
    }
}

fn look_zip(bytes: &[u8], look: Look<'_>) -> Result<(), Unseen> {
    // What starts like a zip file and is none is opaque.
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
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
