import A2PApp
import Commands

await A2P.app.main()
