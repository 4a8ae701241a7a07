"""The whole service on one machine: CodeCommit of our own, moto for the rest of AWS, the real functions in processes.

https://docs.getmoto.org/en/latest/docs/server_mode.html
"""
