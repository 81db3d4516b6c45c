from otolith.cli import main

main()
