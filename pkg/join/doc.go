// Package join holds what a hub and a site that joins it tell each other: the invitation's token, the request and the
// answer.
//
// A token is a bearer secret: whoever has it may join under the name that it allows, as often and as long as it says, and
// nothing else. What a site gets with it, the key that it shares with the hub and its login at the broker, is in neither
// the token nor any message: both sides derive it (X25519). So whoever finds a used token, or has recorded all that the
// broker saw, has nothing. Everything read here comes from outside, and is bounded and checked before it is used (promise
// 8). The package connects to nothing and keeps nothing.
package join
