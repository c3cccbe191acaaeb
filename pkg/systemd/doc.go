// Package systemd tells the service manager how its service is: started, reloading, alive, stopping.
//
// It starts no goroutine: the loop whose progress counts reports that it is alive, so a loop that is stuck does not.
// Without a NOTIFY_SOCKET in the environment, nobody is told.
package systemd
