// Package seal encrypts and authenticates what two nodes send each other over a
// broker that is not trusted.
//
// It keeps promise 8 where the broker is hostile: what opens was sealed by a
// holder of the key, in the name of the sender, for this receiver, as this kind of
// message, for this run of the receiver's process, and it opens once. It is pure:
// it neither sends nor logs; randomness is an argument. Who has to seal is told by
// a Ring; what a message means is package wire's business.
//
// Primitives: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) and HKDF-SHA-256
// (RFC 5869). docs/protocol.md has the bytes.
package seal
