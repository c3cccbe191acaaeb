// Package wire defines what goes over the broker: topics and messages of the documented protocol
// (version 1) and of the batch extension that nodes of this project use among themselves.
//
// It keeps promise 9 for messages: whatever arrives is decoded or refused with an error that says
// why, within fixed bounds, and never panics. Version 1 is written to the letter, since existing
// peers refuse a message with any additional key. Publishing is package transport's business.
package wire
