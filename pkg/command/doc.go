// Package command has what the programs' command lines share: the tree of commands and its errors, tables for people,
// and how a program was built.
//
// An error in a command line or a configuration says what to write instead, and ends the program with exit code 2; any
// other failure ends it with 1. Printed text may come from anywhere, so it is cleaned of terminal controls.
package command
