// Package foreign reads other programs' configurations as they are, and turns them into a plan.
//
// Users of Fliplet Agent or DataCollect's External Sync can start with their existing file. Where the original does
// something that no one wants, ours differs; the package docs say where, and the conversion prints it.
package foreign
