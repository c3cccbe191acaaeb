// Package seal encrypts and authenticates what two nodes send each other over an untrusted broker.
//
// It keeps promise 8 against a hostile broker: whatever opens was sealed by a holder of the key, in
// the sender's name, for this receiver, as this kind of message, for this run of the receiver's
// process, and it opens once. It is pure: it neither sends nor logs; randomness is an argument. A
// Ring says who must encrypt; the meaning of a message is package wire's business.
//
// Primitives: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) and HKDF-SHA-256 (RFC 5869).
// docs/protocol.md has the bytes.
package seal
