//! Signs and verifies bundle manifests in minisign's format; the only file that knows its crates.
//!
//! Does not know where keys are kept (`cli/` reads them) nor what is signed.
//!
//! Signatures are prehashed (`ED`), so that the stock program checks them: `minisign -Vm manifest.json -P RW…`.

pub mod ring;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::model::digest::Digest;

/// A public key: the `RW…` line that stands in tagalong.toml.
#[derive(Clone)]
pub struct PublicKey {
    line: String,
    key: minisign_verify::PublicKey,
}

impl PublicKey {
    /// Reads the line of 56 characters, or the text of a `.pub` file.
    ///
    /// # Errors
    /// [`SigningError::NotAPublicKey`].
    pub fn parse(text: &str) -> Result<PublicKey, SigningError> {
        let line = text.trim().lines().next_back().unwrap_or_default().trim().to_owned();
        match minisign_verify::PublicKey::from_base64(&line) {
            Ok(key) => Ok(PublicKey { line, key }),
            Err(_) => Err(SigningError::NotAPublicKey { given: text.trim().to_owned() }),
        }
    }

    /// The line as it stands in tagalong.toml.
    pub fn line(&self) -> &str {
        &self.line
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.line == other.line
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.line)
    }
}

/// Who may know the password of a secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    /// The key has none.
    None,
    /// It is asked for on the terminal.
    Ask,
}

/// A secret key, open for signing. Never shown.
pub struct SecretKey {
    key: minisign::SecretKey,
    public: PublicKey,
}

impl SecretKey {
    /// Makes a new one from the system's randomness.
    ///
    /// # Errors
    /// [`SigningError::Made`] when the system gives no randomness.
    pub fn generate() -> Result<SecretKey, SigningError> {
        let made = |error: minisign::PError| SigningError::Made { reason: error.to_string() };
        let pair = minisign::KeyPair::generate_unencrypted_keypair().map_err(made)?;
        SecretKey::with(pair.sk)
    }

    /// Makes a new one with a password, which is asked for; gives its text too.
    ///
    /// # Errors
    /// [`SigningError::Made`] when there is no terminal to ask on, or the passwords differ.
    pub fn generate_with_password() -> Result<(SecretKey, String), SigningError> {
        let made = |error: minisign::PError| SigningError::Made { reason: error.to_string() };
        let mut text = Vec::new();
        let pair =
            minisign::KeyPair::generate_and_write_encrypted_keypair(std::io::sink(), &mut text, Some(COMMENT), None)
                .map_err(made)?;
        let text = String::from_utf8(text).map_err(|error| SigningError::Made { reason: error.to_string() })?;
        Ok((SecretKey::with(pair.sk)?, text))
    }

    fn with(key: minisign::SecretKey) -> Result<SecretKey, SigningError> {
        let public = minisign::PublicKey::from_secret_key(&key)
            .map_err(|error| SigningError::Made { reason: error.to_string() })?;
        Ok(SecretKey { public: PublicKey::parse(&public.to_base64())?, key })
    }

    /// Reads the text of a key file, as minisign writes it; the comment line may be missing (CI variables).
    ///
    /// # Errors
    /// [`SigningError::NotASecretKey`] and [`SigningError::Encrypted`]; neither holds any part of the key.
    pub fn parse(text: &str, password: Password) -> Result<SecretKey, SigningError> {
        let line = text.trim().lines().next_back().unwrap_or_default().trim();
        let is_key = |bytes: &Vec<u8>| bytes.len() == KEY_LENGTH && bytes.starts_with(b"Ed");
        let bytes = decoded(line).filter(is_key).ok_or(SigningError::NotASecretKey)?;
        let is_locked = bytes[LOCK] != [0, 0];
        match (is_locked, password) {
            (true, Password::None) => Err(SigningError::Encrypted),
            (true, Password::Ask) => {
                let boxed = minisign::SecretKeyBox::from_string(&format!("untrusted comment: {COMMENT}\n{line}\n"));
                let key = boxed.and_then(|boxed| boxed.into_secret_key(None));
                SecretKey::with(key.map_err(|_| SigningError::WrongPassword)?)
            }
            (false, _) => {
                // Read as it is: minisign leaves the checksum of a key without a password empty, its crate insists
                // on it. That the key is sound is shown by what it signs.
                let key = minisign::SecretKey::from_bytes(&bytes).map_err(|_| SigningError::NotASecretKey)?;
                let key = SecretKey::with(key)?;
                let proof = key.sign(b"", "")?;
                verify(std::slice::from_ref(&key.public), b"", &proof).map_err(|_| SigningError::NotASecretKey)?;
                Ok(key)
            }
        }
    }

    /// The text of the key file, readable by minisign.
    ///
    /// # Errors
    /// [`SigningError::Made`]; with a key that [`SecretKey::generate`] made there is none.
    pub fn to_text(&self) -> Result<String, SigningError> {
        let made = |error: minisign::PError| SigningError::Made { reason: error.to_string() };
        Ok(self.key.to_box(Some(COMMENT)).map_err(made)?.into_string())
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The text of a `.minisig` file for these bytes; the comment is covered by the signature.
    ///
    /// # Errors
    /// [`SigningError::Made`] when the system gives no randomness.
    pub fn sign(&self, bytes: &[u8], trusted_comment: &str) -> Result<String, SigningError> {
        let made = |error: minisign::PError| SigningError::Made { reason: error.to_string() };
        let comment = format!("signature by tagalong key {}", self.public.line());
        let signature = minisign::sign(None, &self.key, bytes, Some(trusted_comment), Some(&comment)).map_err(made)?;
        Ok(signature.into_string())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the secret key of {}", self.public.line())
    }
}

/// The comment line of a secret key file.
const COMMENT: &str = "tagalong secret key";

/// The length of a secret key, in bytes (minisign's format: algorithms, salt, limits, id, key, checksum).
const KEY_LENGTH: usize = 158;

/// Where it says how the key is locked; zeroes say that it has no password.
const LOCK: std::ops::Range<usize> = 2..4;

/// A signature that is right, and the key that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub key: PublicKey,
    pub trusted_comment: String,
}

/// Checks that one of the keys signed these bytes.
///
/// # Errors
/// [`SigningError::NotASignature`], [`SigningError::Stranger`] when it is of none of the keys, and
/// [`SigningError::Wrong`] when it is of one of them, but of other bytes.
pub fn verify(keys: &[PublicKey], bytes: &[u8], signature: &str) -> Result<Verified, SigningError> {
    let signature = decode(signature)?;
    let mut fault = SigningError::Stranger;
    for key in keys {
        match key.key.verify(bytes, &signature, false) {
            Ok(()) => {
                return Ok(Verified { key: key.clone(), trusted_comment: signature.trusted_comment().to_owned() });
            }
            Err(minisign_verify::Error::UnexpectedKeyId) => {}
            Err(minisign_verify::Error::UnexpectedAlgorithm) => fault = SigningError::NotASignature,
            Err(_) => fault = SigningError::Wrong { key: key.line().to_owned() },
        }
    }
    Err(fault)
}

fn decode(signature: &str) -> Result<minisign_verify::Signature, SigningError> {
    minisign_verify::Signature::decode(signature).map_err(|_| SigningError::NotASignature)
}

/// A name for a set of keys, the same whatever their order: whose sequences are compared.
fn name_of(keys: &[PublicKey]) -> String {
    let mut lines: Vec<&str> = keys.iter().map(PublicKey::line).collect();
    lines.sort_unstable();
    Digest::of(lines.join("\n").as_bytes()).short(16)
}

/// The bytes of a text in base64 (RFC 4648, section 4), with or without its padding; `None` for anything else.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Why a key or a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    #[error("`{given}` is not a public key")]
    NotAPublicKey { given: String },
    #[error("it is not a secret key")]
    NotASecretKey,
    #[error("the secret key has a password, and nobody can be asked for it")]
    Encrypted,
    #[error("the password is not the secret key's")]
    WrongPassword,
    #[error("it is not a signature")]
    NotASignature,
    #[error("it is signed by a key that the project does not name")]
    Stranger,
    #[error("it is signed by the key {key}, which is revoked")]
    Revoked { key: String },
    /// A signature among `introduced` that no trusted key made, or that is of something else.
    #[error("no trusted key says `{comment}`")]
    NotIntroduced { comment: String },
    #[error("its signature is not of these bytes")]
    Wrong { key: String },
    #[error("{reason}")]
    Made { reason: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_right_for_its_bytes_and_key_only() {
        let (mine, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let signature = mine.sign(b"manifest", "deps-1").unwrap();
        let both = [other.public().clone(), mine.public().clone()];
        let verified = verify(&both, b"manifest", &signature).unwrap();
        assert_eq!((&verified.key, verified.trusted_comment.as_str()), (mine.public(), "deps-1"));
        let wrong = SigningError::Wrong { key: mine.public().line().to_owned() };
        assert_eq!(verify(&both, b"manifest2", &signature), Err(wrong.clone()));
        let renamed = signature.replace("deps-1", "deps-2");
        assert_eq!(verify(&both, b"manifest", &renamed), Err(wrong));
        assert_eq!(verify(&both[..1], b"manifest", &signature), Err(SigningError::Stranger));
        assert_eq!(verify(&[], b"manifest", &signature), Err(SigningError::Stranger));
        for text in ["", "a\nb\nc\nd\n", &signature[..signature.len() / 2]] {
            assert_eq!(verify(&both, b"manifest", text), Err(SigningError::NotASignature), "{text}");
        }
    }

    #[test]
    fn secret_key_survives_its_text_with_and_without_the_comment_line() {
        let key = SecretKey::generate().unwrap();
        let text = key.to_text().unwrap();
        let line = text.lines().nth(1).unwrap();
        for given in [text.as_str(), line, &format!("{line}\r\n")] {
            assert_eq!(SecretKey::parse(given, Password::None).unwrap().public(), key.public());
        }
        let flipped = format!("{}AAAAAAAA{}", &line[..120], &line[128..]);
        for wrong in
            ["", "RW", &flipped, "untrusted comment: x\nnonsense", &line[..line.len() - 4], key.public().line()]
        {
            assert_eq!(SecretKey::parse(wrong, Password::None).unwrap_err(), SigningError::NotASecretKey, "{wrong}");
        }
    }
}
