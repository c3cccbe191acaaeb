// Package docs holds the manual. Its tests keep it true: links lead somewhere, the
// commands of the quick start run on real servers, the bytes of the protocol are
// those of the golden files, and the messages of the troubleshooting page are those
// of the code.
package docs
