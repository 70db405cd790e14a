// One import for a program that has every verb of the command line for a machine of its own.

@_exported public import Commands
@_exported public import Lockstep
