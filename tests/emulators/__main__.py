from tests.emulators.server import main

main()
