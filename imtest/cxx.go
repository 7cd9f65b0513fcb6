package imtest

// CXX connects a C-XX client of a user, or of user/device, to a node: for tests that
// speak to both edges without a script. It ends with the test.
func (c *Cell) CXX(n *Node, name string) *Client {
	c.t.Helper()
	client := &Client{t: c.t, cell: c, Name: name, names: newNames()}
	if err := client.Connect(n); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	c.t.Cleanup(client.Disconnect)
	c.Announced(client.user, 1)
	return client
}
