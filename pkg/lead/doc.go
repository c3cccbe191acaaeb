// Package lead has a hub lead a part of its sites' configurations.
//
// A Desk gives each profile of a hub its versions, signs them, answers the sites that ask, and knows which version each
// has and why it refused another. A Follower asks at a site, and hands the process a version to try.
//
//   - Promise 8: a site gets the profile that is for it; and it takes only what its hub has signed, never an older version.
//   - Promise 9: a version that does not work at a site is refused with the reason, and the one before stays.
//   - Promise 10: one report is kept for each site in the configuration.
//
// Package verify carries the questions; package service replaces the node.
package lead
