import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { backendSuite } from '../../support/backend-suite.ts'

backendSuite('memory', async () => ({ backend: new MemoryBackend(), cleanUp: async () => {} }))
