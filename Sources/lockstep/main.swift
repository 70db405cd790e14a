import Commands

await Lockstep.start()
