package check

// The areas, in the order of the checks.
const (
	AreaConfiguration = "configuration"
	AreaFiles         = "files"
	AreaTransformers  = "transformers"
	AreaDatabase      = "database"
	AreaPrivileges    = "privileges"
	AreaTables        = "tables"
	AreaBroker        = "broker"
	AreaRemotes       = "remotes"
)
