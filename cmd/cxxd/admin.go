package main

import "github.com/spf13/cobra"

func checkCommand() *cobra.Command  { return &cobra.Command{Use: "check"} }
func userCommand() *cobra.Command   { return &cobra.Command{Use: "user"} }
func inviteCommand() *cobra.Command { return &cobra.Command{Use: "invite"} }
func statusCommand() *cobra.Command { return &cobra.Command{Use: "status"} }
func drainCommand() *cobra.Command  { return &cobra.Command{Use: "drain"} }
func demoCommand() *cobra.Command   { return &cobra.Command{Use: "demo"} }
