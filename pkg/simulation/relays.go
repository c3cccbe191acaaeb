package simulation

// above is the node that gives this one its rows; nil for the hub. In a star and in a tree, links to nodes below come after it.
func (n *node) above() *node {
	if n.id > 0 {
		return n.links[0].to
	}
	return nil
}

// below are the nodes to which this one routes rows.
func (n *node) below() (list []*node) {
	for _, l := range n.links {
		if l.to != n.above() {
			list = append(list, l.to)
		}
	}
	return list
}

// routers are the hub and the relays.
func (w *world) routers() (list []*node) {
	for _, n := range w.nodes {
		if w.routes.cfgs[n.id] != nil {
			list = append(list, n)
		}
	}
	return list
}

// router draws one of them.
func (w *world) router() *node {
	if list := w.routers(); len(list) > 1 {
		return list[w.r.IntN(len(list))]
	}
	return w.nodes[0]
}
