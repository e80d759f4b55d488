//! The keys that a channel's bundles may be signed with: those that the project names and those that they introduced,
//! but for the revoked ones.
//!
//! An introduction is a signature of the old key over the new one's line, so that who reads the change of tagalong.toml
//! sees that the owner of the old key stands behind it. Its trusted comment names the new key.

use crate::model::project::{Keys, Trust};
use crate::signing::{PublicKey, SecretKey, SigningError, Verified, decode, name_of, verify};

/// How the trusted comment of an introduction begins; the key's line follows.
const INTRODUCES: &str = "introduces ";

/// The keys of one channel, each checked.
#[derive(Debug, Clone)]
pub struct Ring {
    trusted: Vec<PublicKey>,
    revoked: Vec<PublicKey>,
}

impl Ring {
    /// The keys of a channel; `None` for one that is unsigned. Fails as [`Ring::new`] does.
    pub fn of(trust: &Trust) -> Result<Option<Ring>, SigningError> {
        match trust {
            Trust::Keys(keys) => Ring::new(keys).map(Some),
            Trust::Unsigned => Ok(None),
        }
    }

    /// Reads the keys and checks the introductions, in their order: an introduced key may introduce the next.
    ///
    /// # Errors
    /// [`SigningError::NotAPublicKey`], [`SigningError::NotIntroduced`].
    pub fn new(keys: &Keys) -> Result<Ring, SigningError> {
        let parsed = |lines: &[String]| lines.iter().map(|line| PublicKey::parse(line)).collect::<Result<Vec<_>, _>>();
        let revoked = parsed(&keys.revoked)?;
        let mut trusted = parsed(&keys.named)?;
        trusted.retain(|key| !revoked.contains(key));
        for introduction in &keys.introduced {
            let new = introduced(introduction, &trusted)?;
            if !revoked.contains(&new) {
                trusted.push(new);
            }
        }
        Ok(Ring { trusted, revoked })
    }

    /// Checks that a trusted key signed these bytes.
    ///
    /// # Errors
    /// As [`verify`], and [`SigningError::Revoked`].
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<Verified, SigningError> {
        match verify(&self.trusted, bytes, signature) {
            Err(SigningError::Stranger) => match verify(&self.revoked, bytes, signature) {
                Ok(Verified { key, .. }) => Err(SigningError::Revoked { key: key.line().to_owned() }),
                Err(_) => Err(SigningError::Stranger),
            },
            other => other,
        }
    }

    pub fn trusts(&self, key: &PublicKey) -> bool {
        self.trusted.contains(key)
    }

    /// How many keys are trusted.
    pub fn count(&self) -> usize {
        self.trusted.len()
    }

    /// A name for the trusted keys, the same whatever their order: whose sequences are compared.
    pub fn name(&self) -> String {
        name_of(&self.trusted)
    }
}

/// The new key of an introduction.
fn introduced(introduction: &str, trusted: &[PublicKey]) -> Result<PublicKey, SigningError> {
    let comment = decode(introduction)?.trusted_comment().to_owned();
    let not_introduced = || SigningError::NotIntroduced { comment: comment.clone() };
    let line = comment.strip_prefix(INTRODUCES).ok_or_else(not_introduced)?;
    let new = PublicKey::parse(line)?;
    verify(trusted, statement(&new).as_bytes(), introduction).map_err(|_| not_introduced())?;
    Ok(new)
}

/// Signs the introduction of a key: the text that stands among `introduced` of a channel.
///
/// # Errors
/// [`SigningError::Made`].
pub fn introduce(old: &SecretKey, new: &PublicKey) -> Result<String, SigningError> {
    old.sign(statement(new).as_bytes(), &format!("{INTRODUCES}{}", new.line()))
}

/// What is signed: nothing else that is ever signed begins so.
fn statement(new: &PublicKey) -> String {
    format!("tagalong: this key may sign bundles\n{}\n", new.line())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(named: &[&SecretKey], introduced: Vec<String>, revoked: &[&SecretKey]) -> Keys {
        let lines = |keys: &[&SecretKey]| keys.iter().map(|key| key.public().line().to_owned()).collect();
        Keys { named: lines(named), introduced, revoked: lines(revoked) }
    }

    #[test]
    fn an_introduced_key_is_trusted_and_a_revoked_one_is_not() {
        let [old, new, next] = [(); 3].map(|()| SecretKey::generate().unwrap());
        let signed = |key: &SecretKey| key.sign(b"manifest", "").unwrap();
        let chain = vec![introduce(&old, new.public()).unwrap(), introduce(&new, next.public()).unwrap()];
        let ring = Ring::new(&keys(&[&old], chain.clone(), &[])).unwrap();
        for key in [&old, &new, &next] {
            assert_eq!(ring.verify(b"manifest", &signed(key)).unwrap().key, *key.public());
        }
        // The old key went, and what it introduced must be named then.
        let comment = format!("introduces {}", new.public().line());
        let refused = Ring::new(&keys(&[&old], chain.clone(), &[&old])).map(|ring| ring.count());
        assert_eq!(refused, Err(SigningError::NotIntroduced { comment }));
        let ring = Ring::new(&keys(&[&old, &new], chain[1..].to_vec(), &[&old])).unwrap();
        let revoked = SigningError::Revoked { key: old.public().line().to_owned() };
        assert_eq!(ring.verify(b"manifest", &signed(&old)), Err(revoked));
        assert!(ring.verify(b"manifest", &signed(&next)).is_ok());
    }

    #[test]
    fn a_signature_of_something_else_is_no_introduction() {
        let [old, new] = [(); 2].map(|()| SecretKey::generate().unwrap());
        let comment = format!("introduces {}", new.public().line());
        // A bundle whose comment somebody had the old key sign.
        let other = old.sign(b"manifest", &comment).unwrap();
        let refused = Ring::new(&keys(&[&old], vec![other], &[])).map(|ring| ring.count());
        assert_eq!(refused, Err(SigningError::NotIntroduced { comment }));
        let own = introduce(&new, new.public()).unwrap();
        assert!(Ring::new(&keys(&[&old], vec![own], &[])).is_err());
        assert_eq!(
            Ring::new(&keys(&[&old], vec!["RWQ".to_owned()], &[])).map(|ring| ring.count()),
            Err(SigningError::NotASignature)
        );
    }
}
